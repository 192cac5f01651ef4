"""Communities, their members and roles; slugs and pictures, which events share."""
