import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeroo.pool.names import split_provider
from leeroo.pool.providers import LANGCHAIN_PROVIDERS

WHOLE_IDS = """
gpt-4o gpt-5-mini ft:gpt-4o-mini-2024-07-18:org::id ft:gpt-4o:acme:support:9xYz ft:gpt-3.5-turbo-0125:acme::a1
ft:open-mistral-7b:daf5e488:20240430:c1bed559 ft:gpt-4.1-2025-04-14:acme::Bk3:ckpt-step-100 davinci:ft-acme-2023
llama3.1:8b llama3.1:70b llama3.1:8b-instruct-q4_K_M llama3.2:1b llama3:latest llama3:8b-text-q4_0 llama2:13b-chat
qwen3:8b qwen3:30b-a3b qwen:7b qwen2.5:7b-instruct qwen2.5-coder:32b qwen2.5vl:7b qwq:latest gpt-oss:20b
gpt-oss:120b-cloud deepseek-r1:7b deepseek-r1:671b deepseek-r1:8b-0528-qwen3-q4_K_M deepseek-v3.1:671b-cloud
deepseek-coder-v2:16b gemma:2b gemma2:9b gemma3:27b-it-qat gemma3:270m gemma3n:e4b codegemma:7b phi3:mini phi3.5:3.8b
phi4:14b phi4-mini:3.8b mistral:7b mistral:latest mistral:instruct mistral:v0.3 mistral:7b-instruct-v0.3-q4_K_M
mistral-nemo:12b mistral-small:24b mixtral:8x7b mixtral:8x22b command-r:35b command-r-plus:104b aya:8b solar:10.7b
yi:34b granite3.3:8b smollm2:360m nemotron:70b codellama:7b-python starling-lm:7b vicuna:13b zephyr:7b-beta
tinyllama:1.1b nomic-embed-text:latest kimi-k2:1t-cloud deepseek/deepseek-r1:free deepseek/deepseek-chat-v3-0324:free
anthropic/claude-3.7-sonnet:thinking openai/gpt-4o:extended openai/gpt-5-mini:online
meta-llama/llama-3.3-70b-instruct:free meta-llama/llama-3.1-8b-instruct:nitro
google/gemini-2.5-flash-preview-05-20:thinking qwen/qwen3-235b-a22b:free x-ai/grok-4.1-fast:free z-ai/glm-4.5-air:free
moonshotai/kimi-k2:free mistralai/mistral-nemo:free openai/gpt-oss-120b:batch Qwen/Qwen3-32B:groq
openai/gpt-oss-20b:cheapest anthropic.claude-sonnet-4-5-20250929-v1:0 us.anthropic.claude-3-5-sonnet-20241022-v2:0
anthropic.claude-v2:1 eu.anthropic.claude-3-haiku-20240307-v1:0 apac.amazon.nova-pro-v1:0 amazon.nova-lite-v1:0
amazon.titan-embed-text-v2:0 meta.llama3-1-70b-instruct-v1:0 mistral.mistral-7b-instruct-v0:2 cohere.command-r-v1:0
ai21.jamba-1-5-mini-v1:0 deepseek.r1-v1:0 openai.gpt-oss-120b-1:0 anthropic.claude-3-haiku-20240307-v1:0:200k
global.amazon.nova-2-lite-v1:0 arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1
arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0
hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M meta-llama/Llama-3.1-8B-Instruct:my-lora nobody:model
test:small-model claude-sonnet-4-5@20250929 models/gemini-2.5-flash @cf/meta/llama-3.1-8b-instruct : :x openai: openai
"""

PREFIXED = """
openai:gpt-5-mini openai gpt-5-mini
openai:ft:gpt-4o-mini-2024-07-18:org::id openai ft:gpt-4o-mini-2024-07-18:org::id
anthropic:claude-sonnet-4-5 anthropic claude-sonnet-4-5
ollama:llama3.1:8b ollama llama3.1:8b
ollama:mistral:7b ollama mistral:7b
openrouter:deepseek/deepseek-r1:free openrouter deepseek/deepseek-r1:free
bedrock:anthropic.claude-3-5-sonnet-20241022-v2:0 bedrock anthropic.claude-3-5-sonnet-20241022-v2:0
bedrock_converse:us.amazon.nova-pro-v1:0 bedrock_converse us.amazon.nova-pro-v1:0
azure_openai:my-deployment azure_openai my-deployment
azure:my-deployment azure_openai my-deployment
google_genai:gemini-2.5-pro google_genai gemini-2.5-pro
google:gemini-2.5-pro google_genai gemini-2.5-pro
gemini:gemini-2.5-pro google_genai gemini-2.5-pro
vertex_ai:gemini-2.5-pro google_vertexai gemini-2.5-pro
google-vertex:gemini-2.5-pro google_vertexai gemini-2.5-pro
mistralai:mistral-large-latest mistralai mistral-large-latest
mistral:mistral-large-latest mistralai mistral-large-latest
mistral:open-mixtral-8x7b mistralai open-mixtral-8x7b
mistral:ft:open-mistral-7b:daf5e488 mistralai ft:open-mistral-7b:daf5e488
hf:meta-llama/Llama-3.1-8B hf meta-llama/Llama-3.1-8B
huggingface:Qwen/Qwen3-8B huggingface Qwen/Qwen3-8B
OpenAI:gpt-5 openai gpt-5
"""


@pytest.mark.parametrize("model", WHOLE_IDS.split())
def test_an_id_without_a_known_provider_stays_whole(model):
    assert split_provider(model) == (None, model)


@pytest.mark.parametrize("line", PREFIXED.strip().splitlines())
def test_a_known_providers_prefix_goes(line):
    model, provider, own = line.split()
    assert split_provider(model) == (provider, own)


@given(st.from_regex(r"[a-z0-9./@_-]{1,20}(:[a-zA-Z0-9._:-]{0,20})?", fullmatch=True))
def test_a_prefix_that_is_no_providers_changes_nothing(model):
    provider, own = split_provider(model)
    if provider is None:
        assert own == model
    else:
        assert model.endswith(f":{own}")
        assert ":" not in model[: -len(own) - 1]


@given(st.sampled_from(sorted(LANGCHAIN_PROVIDERS)), st.text("ab:/.-1", min_size=1))
def test_a_prefix_goes_once(provider, own):
    assert split_provider(f"{provider}:{own}") == (provider, own)


def test_langchains_providers_are_all_known():
    base = pytest.importorskip("langchain.chat_models.base")
    known = getattr(base, "_BUILTIN_PROVIDERS", None)
    if known is None:
        pytest.skip("this langchain keeps its providers elsewhere")
    assert set(known) <= LANGCHAIN_PROVIDERS
