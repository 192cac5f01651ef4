"""The pages: one module per noun. Views are form, action, redirect; rules and permissions live in the actions."""
