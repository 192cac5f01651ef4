"""Card pictures: uploaded once per author, again where the PDS has lost them."""

import pytest
from tests.fakes.agent import refused

from elonara.bluesky.writing.agent import Readiness
from elonara.events import actions as events
from elonara.events import share_pictures
from elonara.invitations.models import State

ALICE = "did:plc:host"
WAITING = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "Not yet.")


class TestPictures:
    @pytest.fixture
    def pictured(self, make_event):
        import io

        from PIL import Image

        data = io.BytesIO()
        Image.new("RGB", (800, 600), "teal").save(data, "JPEG")
        return make_event(picture=data.getvalue(), picture_alt="Teal")

    @pytest.fixture
    def draw(self, monkeypatch):
        """Makes the picture of an event for other sites, as the job does."""
        monkeypatch.setattr(share_pictures, "_draw", lambda facts: f"JPEG of {facts.title}".encode())

        def draw(event):
            share_pictures.poll(str(event.pk))
            event.refresh_from_db()
            return event

        return draw

    def thumbs(self, agent):
        return [post.record["embed"]["external"].get("thumb") for post in agent.posts.values()]

    def test_the_picture_is_uploaded_once_for_all_posts_of_an_author(self, pictured, send, deliver, agent):
        send(pictured, "bob", "carol")
        deliver()
        assert len(agent.blobs) == 1
        assert agent.blobs[0][2] == "image/jpeg"
        assert all(self.thumbs(agent))

    def test_a_picture_that_the_server_lost_is_uploaded_again_once(self, pictured, send, deliver, agent):
        agent.moods = [refused("blob_not_found", retryable=True)]
        send(pictured, "bob", thread=False)
        deliver()
        assert len(agent.blobs) == 2
        assert all(self.thumbs(agent))

    def test_a_card_goes_without_a_picture_that_stays_lost(self, pictured, send, deliver, agent, row):
        agent.moods = [refused("blob_not_found", retryable=True)] * 2
        send(pictured, "bob", thread=False)
        deliver()
        assert row("bob").state == State.SENT
        assert self.thumbs(agent) == [None]

    def test_the_picture_for_other_sites_is_that_of_the_card(self, make_event, draw, alice, send, deliver, agent):
        event = draw(make_event())
        send(event, "bob", "carol")
        deliver()
        assert [blob[1] for blob in agent.blobs] == [b"JPEG of Picnic"]
        assert all(self.thumbs(agent))
        events.change(event, by=alice, visibility="private")
        send(event, "dan", thread=False)
        deliver()
        assert len(agent.blobs) == 1

    def test_it_takes_the_place_of_the_upload_that_is_in_it(self, pictured, draw, send, deliver, agent):
        send(draw(pictured), "bob", thread=False)
        deliver()
        assert [blob[1] for blob in agent.blobs] == [b"JPEG of Picnic"]

    def test_a_post_whose_picture_was_just_lost_goes_without(self, make_event, draw, send, deliver, agent):
        event = draw(make_event())
        event.share_picture.storage.delete(event.share_picture.name)
        send(event, "bob", thread=False)
        deliver()
        assert (agent.blobs, self.thumbs(agent)) == ([], [None])

    def test_a_private_event_shows_no_picture(self, pictured, alice, send, deliver, agent):
        events.change(pictured, by=alice, visibility="private")
        send(pictured, "bob")
        deliver()
        assert not agent.blobs
        assert self.thumbs(agent) == [None]
