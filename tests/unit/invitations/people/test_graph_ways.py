"""Ways to people of the stored graph: its lists, conversations, lists on Bluesky; one narrowed by another."""

import pytest
from django.utils import timezone
from tests.fakes.graph import somebody
from tests.fakes.known import graph_with

from elonara.bluesky.graph.models import KnownList, KnownListMember, KnownPerson
from elonara.invitations import queries
from elonara.invitations.people import sources


@pytest.fixture
def people():
    stranger = {"follows_you": False, "you_follow": False}
    return [
        somebody("bob"),
        somebody("carol", you_follow=False),
        somebody("dan", follows_you=False),
        somebody("zed", known=False, **stranger),
    ]


@pytest.fixture
def talks(graph):
    """She talks with bob (twice), dan (five times) and zed (once)."""
    for name, posts in {"bob": 2, "dan": 5, "zed": 1}.items():
        KnownPerson.objects.filter(did=f"did:plc:{name}").update(talked=posts, talked_at=timezone.now())
    graph.conversations = 3
    graph.save()


@pytest.fixture
def chess(graph):
    """Her list on Bluesky: bob, carol and zed."""
    one = KnownList.objects.create(graph=graph, uri="at://x/1", name="Chess", position=1, people=3)
    for name in ("bob", "carol", "zed"):
        person = KnownPerson.objects.get(graph=graph, did=f"did:plc:{name}")
        KnownListMember.objects.create(known_list=one, person=person)
    return one


def test_the_lists_of_the_graph_have_their_counts(graph, counts):
    assert counts() == {"everyone": 3, "mutuals": 1, "followers": 2, "follows": 2}


def test_without_a_graph_there_are_none(alice, counts, shown):
    assert counts() == {}
    for key in ("everyone", "followers", "talks", "list:1"):
        assert shown(key) == []


def test_people_she_talks_with_by_how_often(talks, counts, shown):
    assert counts()["talks"] == 3
    assert shown("talks") == ["dan", "bob", "zed"]
    assert shown("talks", sort="name") == ["bob", "dan", "zed"]
    assert shown("talks", q="d") == ["dan"]
    assert shown("talks", among="followers") == ["bob"]


def test_a_list_on_bluesky(chess, counts, shown):
    assert counts()[f"list:{chess.pk}"] == 3
    assert shown(f"list:{chess.pk}") == ["bob", "carol", "zed"]
    assert shown(f"list:{chess.pk}", q="ca") == ["carol"]
    assert shown(f"list:{chess.pk}", among="mutuals") == ["bob"]


def test_lists_stand_in_the_order_of_bluesky_and_empty_ones_not_at_all(chess, graph, counts):
    first = KnownList.objects.create(graph=graph, uri="at://x/2", name="First", position=0, people=1)
    KnownList.objects.create(graph=graph, uri="at://x/3", name="Unread", position=2)
    assert [key for key in counts() if key.startswith("list:")] == [f"list:{first.pk}", f"list:{chess.pk}"]


def test_a_stranger_of_a_circle_is_refused_as_a_stranger(talks, chess, alice, picnic):
    for key in ("talks", f"list:{chess.pk}"):
        page = sources.page(alice, None, key, sources.Wanted())
        refused = queries.invitability(alice, picnic, page.people)
        assert refused["did:plc:zed"] == "stranger", key
        assert refused["did:plc:bob"] is None


@pytest.mark.parametrize("argument", ["{}", "0", "999", "-1", "x", "", "１", "9" * 30, "{};", "1:2"])
def test_a_list_of_somebody_else_is_not_shown(argument, chess, make_member, shown):
    mallory = make_member("mallory", "did:plc:mallory")
    graph_with(mallory, [somebody("own")])
    key = f"list:{argument.format(chess.pk)}"
    assert not sources.has(mallory, key)
    assert shown(key, host=mallory) == ["own"]


def test_which_keys_there_are(chess, alice):
    for key in ("everyone", "mutuals", "followers", "follows", "talks", "came", "unanswered", "community"):
        assert sources.has(alice, key)
    assert sources.has(alice, f"list:{chess.pk}")
    for key in ("", "graph", "list", "list:", "some", "nobody", "came:1", "\x00"):
        assert not sources.has(alice, key)


@pytest.mark.parametrize(
    ("key", "among", "names"),
    [
        ("everyone", "", ["bob", "carol", "dan"]),
        ("everyone", "followers", ["bob", "carol"]),
        ("followers", "followers", ["bob", "carol"]),
        ("follows", "followers", ["bob"]),
        ("mutuals", "follows", ["bob"]),
        ("follows", "mutuals", ["bob"]),
        ("everyone", "mutuals", ["bob"]),
        ("nonsense", "follows", ["bob", "dan"]),
    ],
)
def test_one_list_narrowed_by_another(key, among, names, graph, shown):
    assert sorted(shown(key, among=among)) == names
    assert [name for name in names if name.startswith("d")] == shown(key, among=among, q="d")
