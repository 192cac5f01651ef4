"""What the pages of several nouns are made of: template tags, icons, shown times, shared form fields.

Everything here is given what it shows. It asks no database, and knows no view.
"""
