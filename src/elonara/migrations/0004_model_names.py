# Three models get the names of their fields of work. Their tables keep the names they had: no row is touched.

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('elonara', '0003_renew_due_at'),
    ]

    operations = [
        migrations.AlterModelTable(name='answer', table='elonara_answer'),
        migrations.RenameModel(old_name='Answer', new_name='Rsvp'),
        migrations.AlterModelTable(name='errand', table='elonara_errand'),
        migrations.RenameModel(old_name='Errand', new_name='PeriodicTask'),
        migrations.AlterModelTable(name='letter', table='elonara_letter'),
        migrations.RenameModel(old_name='Letter', new_name='OutgoingEmail'),
    ]
