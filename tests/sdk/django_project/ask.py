"""Asks dj-stripe for what the tests want to know, by way of its own models. Answers with JSON.

python ask.py read '{"MODEL": ["ATTRIBUTE", ...], ...}'    for each object, by id, its attributes
python ask.py syncable                                     the models that its command would sync
python ask.py create_endpoint BASE_URL EVENT_TYPE          the id of a new webhook endpoint
"""

import json
import os
import sys
from functools import reduce
from typing import Any
from uuid import uuid4

import django


def read(wanted: str) -> dict[str, dict[str, list[Any]]]:
    """Attributes; those of related objects, and members of JSON, have dots."""
    from djstripe import models

    told = {}
    for model, paths in json.loads(wanted).items():
        rows = getattr(models, model).objects.all()
        told[model] = {
            row.id: [reduce(_member, path.split("."), row) for path in paths] for row in rows
        }
    return told


def _member(of: Any, name: str) -> Any:
    """An attribute, or a member of JSON; None of what is not there."""
    if of is None:
        return None
    return of.get(name) if isinstance(of, dict) else getattr(of, name)


def syncable() -> list[str]:
    """The names of models."""
    from django.apps import apps
    from djstripe.management.commands.djstripe_sync_models import Command

    models = apps.get_app_config("djstripe").get_models()
    return [model.__name__ for model in models if Command()._should_sync_model(model)[0]]


def create_endpoint(base_url: str, event_type: str) -> str:
    """As dj-stripe's admin makes one: a uuid of its own is in the address and in the metadata."""
    from django.urls import reverse
    from djstripe.models import WebhookEndpoint

    uuid = str(uuid4())
    made = WebhookEndpoint._api_create(
        url=base_url + reverse("djstripe:djstripe_webhook_by_uuid", kwargs={"uuid": uuid}),
        enabled_events=[event_type],
        metadata={"djstripe_uuid": uuid},
    )
    return str(WebhookEndpoint.sync_from_stripe_data(made).id)


os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
django.setup()
question, *arguments = sys.argv[1:]
known = {one.__name__: one for one in (read, syncable, create_endpoint)}
json.dump(known[question](*arguments), sys.stdout)
