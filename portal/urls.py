"""The whole map."""

from django.urls import path

urlpatterns: list = []
