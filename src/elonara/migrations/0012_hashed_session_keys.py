# Session keys become the hashes of the cookies. Browsers keep the cookies they have, so nobody is signed out.

from hashlib import sha256

from django.db import migrations, models

COOKIE_LENGTH, BATCH = 32, 500


def hash_keys(apps, schema_editor):
    """Replace what was the cookie itself (32 characters) by its hash (40), in both tables."""
    with schema_editor.connection.cursor() as cursor:
        there = set(schema_editor.connection.introspection.table_names(cursor))
    for name in ("django_session", "usersessions_usersession"):
        if name not in there:
            continue
        table, key = (schema_editor.quote_name(part) for part in (name, "session_key"))
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(f"SELECT {key} FROM {table} WHERE length({key}) = {COOKIE_LENGTH}")
            cookies = [cookie for (cookie,) in cursor.fetchall()]
            for start in range(0, len(cookies), BATCH):
                part = [(sha256(cookie.encode()).hexdigest()[:40], cookie) for cookie in cookies[start : start + BATCH]]
                cursor.executemany(f"UPDATE {table} SET {key} = %s WHERE {key} = %s", part)


def overwrite_freed_pages(apps, schema_editor):
    """SQLite keeps deleted rows in the file until their pages are used again; these held cookies that still work."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("VACUUM")


class Migration(migrations.Migration):

    atomic = False  # VACUUM refuses to run in a transaction; what is converted already is left alone by a second run

    dependencies = [
        ('elonara', '0011_operators_can_act'),
        ('sessions', '0001_initial'),
        # Not ('usersessions', '0001_initial'), which needs our members: with 0001_squashed_0051_new_site it would be a circle.
        # A site that is older than this migration has that table, and one that is not has no cookies to convert.
    ]

    # There is no way from a hash to a cookie: under an older release everybody signs in again.
    operations = [
        migrations.RunPython(hash_keys, migrations.RunPython.noop, atomic=True),
        migrations.RunPython(overwrite_freed_pages, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='authorizationrequest',
            name='purpose',
            field=models.CharField(choices=[('sign_in', 'Sign In'), ('connect', 'Connect'), ('reauthorize', 'Reauthorize'), ('prove', 'Prove'), ('verify', 'Verify')], max_length=12),
        ),
    ]
