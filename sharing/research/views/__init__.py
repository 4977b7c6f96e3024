"""The pages of projects, profiles, releases and withdrawn consent."""
