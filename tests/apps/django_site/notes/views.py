import hashlib
import os

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from notes.models import Note
from notes.version import VERSION


def fingerprint(value):
    return hashlib.sha256(b"shop:" + value.encode()).hexdigest()[:16]


def index(request):
    context = {"version": VERSION, "notes": Note.objects.count(), "secret": fingerprint(settings.SECRET_KEY)}
    response = render(request, "notes/index.html", context)
    response["X-Version"] = VERSION
    return response


def about(request):
    return JsonResponse(
        {
            "version": VERSION,
            "pid": os.getpid(),
            "secret": fingerprint(settings.SECRET_KEY),
            "notes": Note.objects.count(),
            "names": sorted(os.environ),
        }
    )


@csrf_exempt
def add(request):
    Note.objects.create(text=request.POST.get("text", "a note"))
    return HttpResponse("noted", status=201)
