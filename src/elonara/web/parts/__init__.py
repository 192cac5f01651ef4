"""Parts that several pages share: template tags, icons, times as shown, form fields.

Everything here gets what it shows as arguments: no database queries, no imports of views.
"""
