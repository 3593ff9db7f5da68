"""The studio's server: a page and a REST API on one `Inpainter`. `app.create_app` makes it."""
