"""What a person sees and gets in the studio's page: a real browser on the real server."""
