"""The Django site's tests: python examples/django_site/manage.py test examples/django_site"""

from django.test import SimpleTestCase

from escape_mw.testing import as_visitor, assert_escapes, assert_passes


class BioLink(SimpleTestCase):
    def test_a_listener_in_tiktok_is_handed_over_to_spotify(self):
        assert_escapes(as_visitor(self.client, "tiktok", "ios").get("/listen"), to="spotify")

    def test_a_browser_gets_the_redirect(self):
        assert_passes(as_visitor(self.client, "safari").get("/listen"))

    def test_a_pre_save_opens_in_the_real_browser(self):
        instagram = as_visitor(self.client, "instagram", "android")
        assert_escapes(instagram.get("/presave/next"), to="site")
