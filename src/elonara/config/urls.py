"""The root URLconf."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from elonara.web.health import health
from elonara.web.operator import jobs

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", health, name="health"),
    path("api/v1/", include("elonara.api.urls")),
    path("", include("elonara.web.urls")),
    path("accounts/", include("allauth.urls")),
    path("metrics", jobs.prometheus),
    path("admin/jobs/", admin.site.admin_view(jobs.page), name="admin-jobs"),
    path("admin/", admin.site.urls),
]
handler400 = "elonara.web.error_pages.bad_request"
handler403 = "elonara.web.error_pages.forbidden"
handler404 = "elonara.web.error_pages.not_found"
handler500 = "elonara.web.error_pages.broken"
