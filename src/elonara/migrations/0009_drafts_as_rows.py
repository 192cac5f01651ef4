# Drafts of invitations move from the sessions, which are read with every page, into rows of their own.

import zlib

import django.db.models.deletion
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.signing import b64_decode
from django.db import migrations, models
from django.utils import timezone

PREFIX = "invite:"
MAX_BYTES = 1_000_000  # of a session, unpacked
MAX_PEOPLE, MAX_NOTE, MAX_LINE, MAX_NAME, MAX_HANDLE = 500, 2000, 250, 100, 253


def move_drafts(apps, schema_editor):
    """Take every draft over into a row and out of its session. A session too large to be read is ended."""
    sessions = apps.get_model("sessions", "Session").objects
    for key in list(sessions.values_list("session_key", flat=True)):
        packed = sessions.filter(pk=key).values_list("session_data", flat=True).first() or ""
        if too_large(packed):
            sessions.filter(pk=key).delete()
            continue
        data = SessionStore().decode(packed)
        drafts = {name: data.pop(name) for name in list(data) if name.startswith(PREFIX)}
        if drafts:
            sessions.filter(pk=key).update(session_data=SessionStore().encode(data))
            for name, draft in drafts.items():
                take_over(apps, data.get("_auth_user_id"), name, draft)


def too_large(packed):
    """Whether a session unpacks to more than MAX_BYTES; read no further than that."""
    if len(packed) > 2 * MAX_BYTES:
        return True
    if not packed.startswith("."):  # not compressed
        return False
    try:
        reader = zlib.decompressobj()
        reader.decompress(b64_decode(packed[1:].partition(":")[0].encode()), MAX_BYTES)
    except (ValueError, zlib.error):
        return False  # not one of ours: decoding it gives nothing
    return bool(reader.unconsumed_tail)


def take_over(apps, member_id, name, draft):
    """Store one draft, within the bounds of rows. What has no member or no target any more is left out."""
    kind, _, pk = name.removeprefix(PREFIX).partition(":")
    if kind not in {"event", "community"} or not pk.isdigit() or not str(member_id or "").isdigit():
        return
    exist = apps.get_model("elonara", "Member").objects.filter(pk=member_id).exists()
    if not exist or not apps.get_model("elonara", kind.capitalize()).objects.filter(pk=pk).exists():
        return
    try:
        people = [
            [did, clean(who, MAX_NAME), clean(handle, MAX_HANDLE)]
            for did, (who, handle) in list(draft["people"].items())[:MAX_PEOPLE]
            if did.isprintable()
        ]
        chosen = {did for did, _, _ in people}
        lines = {did: clean(line, MAX_LINE) for did, line in draft["lines"].items() if did in chosen}
        values = {
            "people": people,
            "lines": lines,
            "note": clean(draft["note"], MAX_NOTE, "\n\t"),
            "thread": bool(draft["thread"]),
            "key": clean(draft["key"], 100),
            "listed": {},
            "changed_at": timezone.now(),
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return  # not of the shape that 0.1.0 wrote
    rows = apps.get_model("elonara", "InvitationDraft").objects
    rows.update_or_create(member_id=member_id, **{f"{kind}_id": pk}, defaults=values)


def clean(text, length, kept=""):
    """Text that PostgreSQL takes, of at most this length."""
    return "".join(char for char in str(text) if char.isprintable() or char in kept)[:length]


class Migration(migrations.Migration):

    dependencies = [
        ('elonara', '0007_sending_accounts'),
        ('sessions', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='InvitationDraft',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('people', models.JSONField(default=list)),
                ('listed', models.JSONField(default=dict)),
                ('note', models.CharField(blank=True, max_length=2000)),
                ('lines', models.JSONField(default=dict)),
                ('thread', models.BooleanField(default=True)),
                ('key', models.CharField(max_length=100)),
                ('changed_at', models.DateTimeField(db_index=True)),
                ('community', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='elonara.community')),
                ('event', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='elonara.event')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('community__isnull', True), ('event__isnull', False)), models.Q(('community__isnull', False), ('event__isnull', True)), _connector='OR'), name='draft_has_one_target'), models.UniqueConstraint(fields=('member', 'event'), name='one_draft_per_event'), models.UniqueConstraint(fields=('member', 'community'), name='one_draft_per_community')],
            },
        ),
        migrations.RunPython(move_drafts, migrations.RunPython.noop),
    ]
