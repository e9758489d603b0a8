from django.urls import path

from notes import views

urlpatterns = [
    path("", views.index),
    path("about", views.about),
    path("notes", views.add),
]
