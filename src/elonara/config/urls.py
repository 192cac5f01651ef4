"""All addresses of the site."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("elonara.web.urls")),
]
handler400 = "elonara.web.errors.bad_request"
handler403 = "elonara.web.errors.forbidden"
handler404 = "elonara.web.errors.not_found"
handler500 = "elonara.web.errors.broken"
