"""What stands around a model's name: prefixes, paths, regions, organisations, versions of an endpoint, tags."""

import re
from dataclasses import dataclass

from leeroo.pool.providers import split_provider
from leeroo.pool.spelling import plain

# Hosts, as a path's first part (litellm), a prefix, an `@host` or a Hugging Face `:host` names them.
_HOSTS = frozenset(
    [
        "azure",
        "baseten",
        "bedrock",
        "cerebras",
        "cloudflare",
        "cohere",
        "databricks",
        "deepinfra",
        "doubleword",
        "featherless-ai",
        "fireworks",
        "fireworks-ai",
        "groq",
        "hf-inference",
        "hyperbolic",
        "lambda",
        "modal",
        "nebius",
        "novita",
        "nscale",
        "nvidia",
        "ollama",
        "ollama_chat",
        "openrouter",
        "ovhcloud",
        "publicai",
        "replicate",
        "sambanova",
        "scaleway",
        "snowflake",
        "together",
        "together_ai",
        "vertex",
        "vertex_ai",
        "vllm",
        "hosted_vllm",
        "lmstudio",
        "lm_studio",
        "github",
    ]
)
# Hosts that serve no base models and leave the word "instruct" out.
_TUNED_ONLY = frozenset(["cerebras", "groq", "ollama", "ollama_chat", "sambanova", "snowflake"])
# How OpenRouter and Hugging Face route a call to a model.
_ROUTES = frozenset(
    [
        "free",
        "nitro",
        "floor",
        "online",
        "extended",
        "exacto",
        "beta",
        "batch",
        "self-moderated",
        "fastest",
        "cheapest",
        "preferred",
        "default",
    ]
)
_EFFORT_TAG = re.compile(r"(?:no-?|non-?)?(?:think(?:ing)?|reasoning)|minimal|low|medium|high|xhigh|none")

_ARN = re.compile(r"arn:aws[\w-]*:bedrock:[\w-]*:\d*:(?P<type>[\w-]+)/(?P<rest>.+)")
_BEDROCK = re.compile(
    r"(?:[a-z]{2,8}(?:-gov)?\.)?"  # us, eu, jp, global: where the call may be answered
    r"(?P<vendor>ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|"
    r"twelvelabs|writer|xai|zai)\.(?P<name>[a-z].*)"
)
# `-v1:0`, `-v2:0:200k`, gpt-oss's `-1:0`; and `v2:1`, which is version 2.1.
_ENDPOINT = re.compile(r"(?P<name>.+?)(?:-(?P<v>v?)(?P<major>\d))?(?::(?P<minor>\d+))(?::[\w-]+)?")
_VERSION = re.compile(r"(?P<name>.+?)-v(?P<major>\d)")
# A later version than the first is the endpoint's only behind a date: `nova-pro-v2:0` is no Nova Pro of before.
_DATED = re.compile(r".*-20\d{6}")

# `models--Qwen--Qwen3-8B`, as Hugging Face's cache calls a repository's folder.
_CACHED = re.compile(r"models--(?:.+--)?(?P<name>.+)")
# Git's and Replicate's revisions, by hash; and dates are none.
_REVISION = re.compile(r"main|(?=\d*[a-f])[\da-f]{7,64}")

# `openai/ft:` as gateways write it.
_FINE_TUNE = re.compile(r"(?:[\w-]+/)?ft:")

# What people add to a model's name to name a deployment on Azure.
_DEPLOYMENT = re.compile(
    r"\b(?:my|our|the|prod|production|dev|test|testing|stage|staging|uat|qa|deployment|deploy|azure|aoai|ptu|paygo|standard|"
    r"global|datazone|batch|default|main|primary|secondary|backup|"
    r"(?:(?:north|south|east|west|central|southeast|southcentral|northcentral|westcentral)(?:us|india|asia)|"
    r"(?:north|west)europe|(?:sweden|france|canada|uk|poland|italy)(?:central|south|west|east)|(?:japan|australia|canada|"
    r"korea)(?:east|west|central)|(?:germany|switzerland|norway|uae)(?:north|west|westcentral|east)|brazilsouth)\d?)\b"
)


@dataclass(frozen=True)
class Place:
    """Where a name was found, and how it may be read.

    Attributes:
        candidates: Readings, the first that is known counts; plain spelling.
        fine_tuned: The id is that of a fine-tune of the model named.
        tuned_only: A bare name means the instruct model here.
        base_only: The name says that it is a base model.
        unmoving: Names that move are another's: `devstral:latest` is Ollama's, `devstral-latest` Mistral's.
    """

    candidates: tuple[str, ...]
    fine_tuned: bool = False
    tuned_only: bool = False
    base_only: bool = False
    unmoving: bool = False


def unwrap(name: str) -> Place | None:
    """What a model id holds of the model's own name, or None when it cannot hold one."""
    if name.startswith("arn:"):
        return _amazon_resource(name)
    provider, own = split_provider(name)
    own = own.lower()
    prefix, colon, rest = own.partition(":")
    if provider is None and colon and prefix in _HOSTS:
        provider, own = prefix, rest
    if found := _FINE_TUNE.match(own):
        base = own[found.end() :].split(":")[0]
        return Place((plain(base),), fine_tuned=True) if base else None
    *folders, own = re.split(r"[/\\]", own.split("#")[0].rstrip("/"))
    # Azure OpenAI's fine-tunes: `gpt-4o-mini-2024-07-18.ft-0123abcd`.
    if ".ft-" in own:
        return Place((plain(own.split(".ft-")[0]),), fine_tuned=True)
    # Hugging Face's cache keeps a repository's revisions by their hashes.
    if not own.endswith(".gguf") and (cached := next(filter(None, map(_CACHED.fullmatch, (*folders, own))), None)):
        own = cached["name"]
    # Under another account than Fireworks' own lie its users' fine-tunes, whatever they are called.
    if folders[:1] == ["accounts"] and folders[1:] != ["fireworks", "models"]:
        return None
    hosts = {provider, *folders[:1]}
    if provider == "azure_openai" or folders[:1] == ["azure"]:
        undeployed = re.sub(r"-+", "-", _DEPLOYMENT.sub("", plain(own))).strip("-")
        return Place((plain(own), undeployed))
    return _tagged(own.removesuffix(".gguf") + ("-gguf" if own.endswith(".gguf") else ""), hosts)


def _amazon_resource(name: str) -> Place | None:
    found = _ARN.fullmatch(name)
    if not found:
        return None
    last = found["rest"].rsplit("/", 1)[-1]
    if found["type"] in ("foundation-model", "inference-profile"):
        return _tagged(last.lower(), {"bedrock"})
    if found["type"] == "custom-model" and "/" in found["rest"]:
        place = _tagged(found["rest"].split("/", 1)[0].lower(), {"bedrock"})
        return place and Place(place.candidates, fine_tuned=True)
    # An application's inference profile or a provisioned model is a random id.
    return None


def _tagged(own: str, hosts: set[str | None]) -> Place | None:
    """Read what follows a colon or an @, as the place that uses it does."""
    tuned_only = bool(hosts & _TUNED_ONLY)
    if found := _BEDROCK.fullmatch(own):
        return Place(_bedrock(found["name"], found["vendor"]))
    if _ENDPOINT.fullmatch(own):
        return Place(_bedrock(own, None))
    own, at, where = own.partition("@")
    if at and where not in _HOSTS | {"default", "latest"} and not _REVISION.fullmatch(where):
        own = f"{own}-{where}"
    own, colon, tag = own.partition(":")
    if not colon:
        # Which size Ollama serves by default the registry says, or nobody.
        ollama = bool(hosts & {"ollama", "ollama_chat"})
        readings = (f"{plain(own)}-latest", plain(own)) if ollama else (plain(own),)
        return Place(readings, tuned_only=tuned_only, unmoving=ollama)
    # Ollama calls a file of another registry `latest`, too, and that name says which model it is.
    foreign = tag == "latest" and own.endswith("-gguf")
    if tag in _ROUTES or tag in _HOSTS or tag == "cloud" or foreign or _REVISION.fullmatch(tag):
        return Place((plain(own),), tuned_only=tuned_only)
    if _EFFORT_TAG.fullmatch(tag):
        return Place((plain(f"{own}-{tag}"),), tuned_only=tuned_only)
    base = re.search(r"-(?:text|base)\b", tag)
    tag = tag[: base.start()] + tag[base.end() :] if base else tag
    # Hugging Face's files by quantisation (`...-GGUF:Q4_K_M`) and Ollama's tags by size read alike.
    sized = tag[0].isdigit() if tag else False
    name = plain(f"{own}-{tag}")
    return Place((name,), tuned_only=sized and base is None, base_only=base is not None, unmoving=tag == "latest")


def _bedrock(name: str, vendor: str | None) -> tuple[str, ...]:
    """The readings of a Bedrock id, from the most literal: the version may be the model's or the endpoint's."""
    readings = []
    if found := _ENDPOINT.fullmatch(name):
        if found["major"]:
            # mistral-7b-instruct-v0:2 is v0.2, claude-v2:1 is 2.1, nova-lite-v1:0 is nova-lite-v1.
            versioned = f"{found['name']}-{found['v']}{found['major']}"
            readings += [f"{versioned}.{found['minor']}", versioned]
    elif vendor and (found := _VERSION.fullmatch(name)):
        readings.append(name)
    if found is None:
        readings.append(name)
    elif found["major"] in (None, "1") or _DATED.fullmatch(found["name"]):
        readings.append(found["name"])
    # `deepseek.r1-v1:0` leaves out what the vendor's name says.
    with_vendor = [r for reading in readings for r in ((reading, f"{vendor}-{reading}") if vendor else (reading,))]
    return tuple(plain(reading) for reading in [*with_vendor, readings[-1]])
