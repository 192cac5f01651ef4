"""The people who have an account: registration, standing, profile, notices."""
