import csv
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeroo.pool.kin import relatives, release_of
from leeroo.pool.names import all_models, kindred, resolve
from leeroo.pool.registry import registry

# Names as providers' documentation and model lists write them: name, model, relation, effort.
REAL = """
# OpenAI
gpt-5-mini | gpt-5-mini
openai:gpt-5-mini | gpt-5-mini
gpt-5-mini-2025-08-07 | gpt-5-mini
gpt-5-2025-08-07 | gpt-5
gpt-5.1-2025-11-13 | gpt-5.1
gpt-5.2-xhigh | gpt-5.2-xhigh | same | xhigh
gpt-5.2-low | gpt-5.2 | effort | low
gpt-5.2-2025-12-11-high | gpt-5.2-high | same | high
gpt-5.4-mini-2026-03-17-high | gpt-5.4-mini-high | same | high
gpt-5-minimal | gpt-5 | effort | minimal
gpt-5.6 | gpt-5.6-sol
gpt-5.6-sol-2026-07-09 | gpt-5.6-sol | snapshot
gpt-5.6-sol-max | gpt-5.6-sol-max | same | max
gpt-5.3-chat-latest | gpt-5.3-chat-latest
gpt-4o | gpt-4o-2024-08-06 | snapshot
gpt-4o-2024-11-20 | gpt-4o-2024-11-20
gpt-4o-mini | gpt-4o-mini
chatgpt-4o-latest | chatgpt-4o-latest
gpt-4-turbo | gpt-4-turbo-2024-04-09
gpt-4-turbo-preview | gpt-4-0125-preview | snapshot
gpt-4-1106-preview | gpt-4-1106-preview
gpt-4 | gpt-4-0613 | snapshot
gpt-4-0613 | gpt-4-0613
gpt-4.1 | gpt-4.1
gpt-4.1-nano-2025-04-14 | gpt-4.1-nano
gpt-3.5-turbo | gpt-3.5-turbo-0125 | snapshot
o3 | o3
o3-mini-2025-01-31 | o3-mini
o3-mini-high | o3-mini-high | same | high
o4-mini-2025-04-16-high | o4-mini-high | same | high
o4-mini-low | o4-mini | effort | low
o1-mini | o1-mini
gpt-oss-120b | gpt-oss-120b
ft:gpt-4o-mini-2024-07-18:org::id | gpt-4o-mini | fine-tune
ft:gpt-3.5-turbo-0125:acme:support:9xYz12Ab | gpt-3.5-turbo-0125 | fine-tune
ft:gpt-4.1-2025-04-14:acme::Bk3:ckpt-step-100 | gpt-4.1 | fine-tune
openai:ft:gpt-4o-2024-08-06:acme::x1 | gpt-4o-2024-08-06 | fine-tune
openai/ft:gpt-4o-mini-2024-07-18:acme::x1 | gpt-4o-mini | fine-tune
gpt-5 (high) | gpt-5 | effort | high
gpt-5(low) | gpt-5 | effort | low
o3 (high) | o3 | effort | high
GPT-4o (2024-11-20) | gpt-4o-2024-11-20
gpt-5.3 | gpt-5.3-chat-latest
# Azure
azure_openai:gpt-4o-mini | gpt-4o-mini
azure:prod-gpt-4o-mini | gpt-4o-mini
azure/gpt-4.1-swedencentral | gpt-4.1
azure/gpt-35-turbo | gpt-3.5-turbo-0125 | snapshot
gpt-4o-mini-2024-07-18.ft-0e2066728a3c4f6b | gpt-4o-mini | fine-tune
azure_ai/Llama-4-Maverick-17B-128E-Instruct-FP8 | llama-4-maverick | quantised
azure_ai/cohere-command-r-plus-08-2024 | command-r-plus-08-2024
azure_ai/FW-Kimi-K2.6 | kimi-k2.6
azure/gpt-4o-mini-2024-07-18.ft-0e2066728a3c4f6b | gpt-4o-mini | fine-tune
# Anthropic
claude-opus-4-5-20251101 | claude-opus-4-5
claude-opus-4-5-20251101-thinking | claude-opus-4-5-thinking | same | thinking
claude-opus-4-5-low | claude-opus-4-5 | effort | low
claude-sonnet-4-20250514 | claude-sonnet-4
claude-sonnet-4-0 | claude-sonnet-4
claude-3-7-sonnet-latest | claude-3-7-sonnet
claude-3-5-sonnet-latest | claude-3-5-sonnet-20241022 | snapshot
claude-3.5-sonnet | claude-3-5-sonnet-20241022 | snapshot
claude-3-5-sonnet-20240620 | claude-3-5-sonnet-20240620
claude-3-5-sonnet-20240620-fc | claude-3-5-sonnet-20240620 | mode
claude-3-haiku-20240307 | claude-3-haiku
claude-2.1 | claude-2.1
claude-fable-5-thinking-high | claude-fable-5-thinking-high | same | high
Claude Sonnet 4.5 | claude-sonnet-4-5
claude-opus-4-6[1m] | claude-opus-4-6
claude-sonnet-4-5-20250929[1m] | claude-sonnet-4-5
claude-sonnet-4-5-20250929-thinking-32k | claude-sonnet-4-5-thinking | same | thinking
claude-opus-4-20250514-thinking-16k | claude-opus-4 | effort | thinking
Claude Opus 4.5 (20251101) | claude-opus-4-5
# Bedrock
anthropic.claude-sonnet-4-5-20250929-v1:0 | claude-sonnet-4-5
us.anthropic.claude-sonnet-4-5-20250929-v1:0 | claude-sonnet-4-5
global.anthropic.claude-haiku-4-5-20251001-v1:0 | claude-haiku-4-5
eu.anthropic.claude-3-5-sonnet-20240620-v1:0 | claude-3-5-sonnet-20240620
apac.anthropic.claude-3-5-sonnet-20241022-v2:0 | claude-3-5-sonnet-20241022
us-gov.anthropic.claude-3-haiku-20240307-v1:0 | claude-3-haiku
anthropic.claude-3-haiku-20240307-v1:0:200k | claude-3-haiku
anthropic.claude-v2 | claude-2
anthropic.claude-v2:1 | claude-2.1
anthropic.claude-instant-v1 | claude-instant-1.2
bedrock:anthropic.claude-opus-4-1-20250805-v1:0 | claude-opus-4-1
bedrock_converse:us.anthropic.claude-opus-4-6-v1 | claude-opus-4-6
bedrock/us-east-1/anthropic.claude-3-sonnet-20240229-v1:0 | claude-3-sonnet
arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-haiku-20241022-v1:0 | claude-3-5-haiku
arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-20250514-v1:0 | claude-sonnet-4
arn:aws:bedrock:us-east-1:123456789012:custom-model/anthropic.claude-3-haiku-20240307-v1:0:200k/a1b | \
claude-3-haiku | fine-tune
amazon.nova-lite-v1:0 | nova-lite-v1
us.amazon.nova-premier-v1:0 | nova-premier-v1
meta.llama3-1-70b-instruct-v1:0 | llama-3.1-70b-instruct
us.meta.llama3-2-11b-instruct-v1:0 | llama-3.2-11b-vision-instruct
meta.llama4-scout-17b-instruct-v1:0 | llama-4-scout
mistral.mistral-7b-instruct-v0:2 | mistral-7b-instruct-v0.2
mistral.mixtral-8x7b-instruct-v0:1 | mixtral-8x7b-instruct-v0.1
mistral.mistral-large-2407-v1:0 | mistral-large-2407
mistral.mistral-large-3-675b-instruct | mistral-large-2512
cohere.command-r-plus-v1:0 | command-r-plus-04-2024
ai21.jamba-1-5-large-v1:0 | jamba-1.5-large
us.deepseek.r1-v1:0 | deepseek-r1
deepseek.v3-v1:0 | deepseek-v3.1
openai.gpt-oss-120b-1:0 | gpt-oss-120b
qwen.qwen3-coder-30b-a3b-v1:0 | qwen3-coder-30b-a3b-instruct
qwen.qwen3-235b-a22b-2507-v1:0 | qwen3-235b-a22b-instruct-2507
nvidia.nemotron-nano-9b-v2:0 | nemotron-nano-9b-v2
us.writer.palmyra-x5-v1:0 | palmyra-x5
jp.anthropic.claude-haiku-4-5-20251001-v1:0 | claude-haiku-4-5
bedrock/converse/au.anthropic.claude-sonnet-4-5-20250929-v1:0 | claude-sonnet-4-5
arn:aws:bedrock:eu-west-2:123456789012:inference-profile/uk.anthropic.claude-sonnet-4-5-20250929-v1:0 | \
claude-sonnet-4-5
anthropic.claude-opus-5-5:0 | claude-opus-5-5
amazon.nova-pro-v1:0:300k | nova-pro-v1
# Google
gemini-2.5-flash | gemini-2.5-flash
models/gemini-2.5-flash | gemini-2.5-flash
publishers/google/models/gemini-2.5-pro | gemini-2.5-pro
projects/p/locations/us-central1/publishers/anthropic/models/claude-sonnet-4-5@20250929 | claude-sonnet-4-5
google_genai:gemini-2.5-pro | gemini-2.5-pro
gemini/gemini-2.0-flash-lite | gemini-2.0-flash-lite
claude-sonnet-4-5@20250929 | claude-sonnet-4-5
claude-opus-4-1@default | claude-opus-4-1
gemini-1.5-pro-002 | gemini-1.5-pro-002
gemini-1.5-flash-latest | gemini-1.5-flash-002 | snapshot
gemini-2.0-flash-001 | gemini-2.0-flash
gemini-2.5-pro-thinklow | gemini-2.5-pro-thinklow | same | low
gemini-3-flash-preview-nothink | gemini-3-flash-preview-nothink | same | none
gemini-3-pro | gemini-3-pro-preview
gemini-flash-latest | gemini-3.8-flash | snapshot
gemma-4-26b-a4b-it-maas | gemma-4-26b-a4b-it
gemini-2.0-flash-thinking | gemini-2.0-flash-thinking-exp
# OpenRouter
openai/gpt-4o-mini | gpt-4o-mini
deepseek/deepseek-r1:free | deepseek-r1
anthropic/claude-3.7-sonnet:thinking | claude-3-7-sonnet-thinking | same | thinking
anthropic/claude-opus-4.5 | claude-opus-4-5
anthropic/claude-sonnet-4.6:batch | claude-sonnet-4-6
google/gemini-2.5-flash-preview-05-20:thinking | gemini-2.5-flash-preview-05-20 | effort | thinking
meta-llama/llama-3.3-70b-instruct:nitro | llama-3.3-70b-instruct
openai/gpt-5-mini:online | gpt-5-mini
openrouter/x-ai/grok-4-fast:free | grok-4-fast-reasoning | effort | thinking
~anthropic/claude-sonnet-latest | claude-sonnet-5-5 | snapshot
~openai/gpt-luna-latest | gpt-6-luna | snapshot
qwen/qwen3-235b-a22b:free | qwen3-235b-a22b
qwen/qwen-2.5-coder-32b-instruct:free | qwen2.5-coder-32b-instruct
microsoft/wizardlm-2-8x22b | wizardlm-2-8x22b
google/gemini-pro-1.5 | gemini-1.5-pro
openrouter:google/gemini-1.5-pro-002 | gemini-1.5-pro-002
z-ai/glm-4.5-air:free | glm-4.5-air
deepseek/deepseek-chat-v3-0324 | deepseek-v3-0324
# Ollama
llama3.1:8b | llama-3.1-8b-instruct
llama3.1:8b-instruct-q4_K_M | llama-3.1-8b-instruct | quantised
llama3.1:latest | llama-3.1-8b-instruct
ollama:llama3.1 | llama-3.1-8b-instruct
ollama/llama3.2:3b | llama-3.2-3b-instruct
llama3:8b-text-q4_0 | llama-3-8b | quantised
qwen3:8b | qwen3-8b
qwen3:30b-a3b-instruct | qwen3-30b-a3b-instruct-2507
qwen3:30b-a3b-instruct-2507-q4_K_M | qwen3-30b-a3b-instruct-2507 | quantised
qwen2.5:7b | qwen2.5-7b-instruct
qwen2.5-coder:32b | qwen2.5-coder-32b-instruct
gpt-oss:20b | gpt-oss-20b
gpt-oss:120b-cloud | gpt-oss-120b
deepseek-r1:7b | deepseek-r1-distill-qwen-7b
deepseek-r1:70b | deepseek-r1-distill-llama-70b
deepseek-r1:8b | deepseek-r1-0528-qwen3-8b
deepseek-r1:14b-qwen-distill-q4_K_M | deepseek-r1-distill-qwen-14b | quantised
deepseek-r1:671b | deepseek-r1-0528
gemma2:9b | gemma-2-9b-it
gemma3:27b-it-qat | gemma-3-27b-it | quantised
ollama:gemma3:270m | gemma-3-270m-it
mistral:7b | mistral-7b-instruct-v0.3 | snapshot
mistral:7b-instruct-v0.2-q5_K_M | mistral-7b-instruct-v0.2 | quantised
mixtral:8x7b | mixtral-8x7b-instruct-v0.1
phi3:mini | phi-3-mini-4k-instruct
phi4:14b | phi-4
llama2:7b-chat | llama-2-7b-chat
hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M | llama-3.2-3b-instruct | quantised
command-r:35b-08-2024-q4_K_M | command-r-08-2024 | quantised
qwen3.6:35b | qwen3.6-35b-a3b
qwen3:30b | qwen3-30b-a3b | snapshot
mistral:instruct | mistral-7b-instruct-v0.3 | snapshot
mistral-large:123b | mistral-large-2411 | snapshot
devstral:24b | devstral-small-2507 | snapshot
deepseek-v3:671b | deepseek-v3
granite4:micro | granite-4.0-micro
granite3.1-dense:8b | granite-3.1-8b-instruct
granite4:350m | granite-4.0-350m
kimi-k2:1t-cloud | kimi-k2
devstral-small-2:24b | devstral-small-2512
ollama:nemotron-3-super:120b | nemotron-3-super-120b-a12b
phi4-mini-reasoning:3.8b-q8_0 | phi-4-mini-reasoning | quantised
hf.co/unsloth/Llama-3.2-3B-Instruct-GGUF:latest | llama-3.2-3b-instruct | quantised
# Hugging Face, vLLM, llama.cpp, LM Studio
meta-llama/Llama-3.1-8B-Instruct | llama-3.1-8b-instruct
meta-llama/Meta-Llama-3-8B-Instruct | llama-3-8b-instruct
meta-llama/Meta-Llama-3-8B | llama-3-8b
hf:meta-llama/Llama-3.1-8B | llama-3.1-8b
meta-llama/Llama-2-7b-chat-hf | llama-2-7b-chat
Qwen/Qwen3-30B-A3B-Instruct-2507-FP8 | qwen3-30b-a3b-instruct-2507 | quantised
Qwen/Qwen3-4B-Thinking-2507 | qwen3-4b-thinking-2507
Qwen/Qwen2.5-7B | qwen2.5-7b
Qwen/Qwen2.5-72B-Instruct-AWQ | qwen2.5-72b-instruct | quantised
Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4 | qwen2.5-7b-instruct | quantised
unsloth/Meta-Llama-3.1-8B-Instruct-bnb-4bit | llama-3.1-8b-instruct | quantised
unsloth/Qwen3-8B-unsloth-bnb-4bit | qwen3-8b | quantised
RedHatAI/Meta-Llama-3.1-70B-Instruct-quantized.w4a16 | llama-3.1-70b-instruct | quantised
TheBloke/Mistral-7B-Instruct-v0.2-GPTQ | mistral-7b-instruct-v0.2 | quantised
mistral-7b-instruct-v0.2.Q4_K_M.gguf | mistral-7b-instruct-v0.2 | quantised
/models/Llama-3.2-1B-Instruct-Q8_0.gguf | llama-3.2-1b-instruct | quantised
google_gemma-3-27b-it-IQ3_XXS.gguf | gemma-3-27b-it | quantised
mlx-community/Llama-3.3-70B-Instruct-4bit | llama-3.3-70b-instruct | quantised
Llama-3.1-8B-Instruct-q4f16_1-MLC | llama-3.1-8b-instruct | quantised
qwen3-8b@q4_k_m | qwen3-8b | quantised
deepseek-ai/DeepSeek-R1-Distill-Qwen-7B | deepseek-r1-distill-qwen-7b
deepseek-ai/DeepSeek-V3.1-Terminus | deepseek-v3.1-terminus
mistralai/Mixtral-8x7B-v0.1 | mixtral-8x7b-v0.1
mistralai/Mistral-Small-3.2-24B-Instruct-2506 | mistral-small-2506
nvidia/Llama-3_1-Nemotron-Ultra-253B-v1 | llama-3.1-nemotron-ultra-253b-v1
nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4 | nemotron-3-super-120b-a12b | quantised
openai/gpt-oss-20b | gpt-oss-20b
Qwen/Qwen3-32B:groq | qwen3-32b
CohereForAI/c4ai-command-r-v01 | command-r-03-2024
qwen/qwen3-4b-2507 | qwen3-4b-instruct-2507
/root/.cache/huggingface/hub/models--Qwen--Qwen3-8B/snapshots/b968826d9c46dd6066d109eabc6255188de91218 | qwen3-8b
models--unsloth--Qwen3-8B-GGUF | qwen3-8b | quantised
/c/models--unsloth--Qwen3-8B-GGUF/snapshots/ab12/Qwen3-14B-Q4_K_M.gguf | qwen3-14b | quantised
Qwen/Qwen3-8B@b968826d9c46 | qwen3-8b
/models/Qwen3-32B-AWQ@main | qwen3-32b | quantised
ibm/granite-4-h-tiny | granite-4.0-h-tiny
meta/llama-2-70b-chat:2796ee9483c3fd7aa2e171d38f4ca12251a30609463dcfd4cd76703f22e96cdf | llama-2-70b-chat
mradermacher/Qwen3-8B-i1-GGUF | qwen3-8b | quantised
mlx-community/Qwen3-30B-A3B-4bit-DWQ | qwen3-30b-a3b | quantised
# Together, Fireworks, Groq, Cerebras, Cloudflare, Databricks
meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo | llama-3.1-70b-instruct | quantised
meta-llama/Meta-Llama-3-8B-Instruct-Lite | llama-3-8b-instruct | quantised
together:meta-llama/Llama-3.3-70B-Instruct-Turbo-Free | llama-3.3-70b-instruct | quantised
meta-llama/Llama-3-70b-chat-hf | llama-3-70b-instruct
accounts/fireworks/models/llama-v3p1-70b-instruct | llama-3.1-70b-instruct
accounts/fireworks/models/qwen2p5-72b-instruct | qwen2.5-72b-instruct
fireworks:accounts/fireworks/models/deepseek-v3p2 | deepseek-v3.2
accounts/fireworks/models/kimi-k2-instruct-0905 | kimi-k2-0905
accounts/fireworks/models/llama-v3p1-8b-instruct#accounts/me/deployments/ab12 | llama-3.1-8b-instruct
llama-3.3-70b-versatile | llama-3.3-70b-instruct
groq:llama-3.1-8b-instant | llama-3.1-8b-instruct
llama-3.1-70b-versatile | llama-3.1-70b-instruct
llama3-70b-8192 | llama-3-70b-instruct
mixtral-8x7b-32768 | mixtral-8x7b-instruct-v0.1
gemma2-9b-it | gemma-2-9b-it
moonshotai/kimi-k2-instruct-0905 | kimi-k2-0905
llama3.1-8b | llama-3.1-8b-instruct
cerebras/llama-3.3-70b | llama-3.3-70b-instruct
qwen-3-32b | qwen3-32b
@cf/meta/llama-3.1-8b-instruct-fp8-fast | llama-3.1-8b-instruct | quantised
databricks-meta-llama-3-1-8b-instruct | llama-3.1-8b-instruct
databricks-claude-sonnet-4-5 | claude-sonnet-4-5
Qwen/Qwen3-235B-A22B-fp8-tput | qwen3-235b-a22b | quantised
Qwen/Qwen3-235B-A22B-Instruct-2507-tput | qwen3-235b-a22b-instruct-2507
deepseek-ai/DeepSeek-V4.1-Flash-1017-Fast | deepseek-v4.1-flash
ibm/granite-4-h-small | granite-4.0-h-small
# Mistral, xAI, DeepSeek, Cohere, and others
mistral-large-latest | mistral-large-2512 | snapshot
mistral:mistral-small-2506 | mistral-small-2506
mistralai:ministral-8b-latest | ministral-8b-2512 | snapshot
open-mistral-nemo | mistral-nemo-instruct-2407
open-mixtral-8x22b | mixtral-8x22b-instruct-v0.1
mistral-medium-2508 | mistral-medium-2508
mistral-large-2407-fc-any | mistral-large-2407 | mode
codestral-latest | codestral-2508 | snapshot
magistral-medium-2509 | magistral-medium-2509
xai:grok-4-0709 | grok-4
grok-4-latest | grok-4
grok-3-mini-high | grok-3-mini | effort | high
grok-4-fast-non-reasoning | grok-4-fast-non-reasoning | same | none
grok-4-1-fast-reasoning | grok-4.1-fast-reasoning | same | thinking
grok-code-fast-1 | grok-code-fast-1
deepseek-v4-flash-0731 | deepseek-v4-flash-0731
command-r-plus-08-2024 | command-r-plus-08-2024
command-r-plus | command-r-plus-04-2024
command-a-03-2025 | command-a-03-2025
kimi-k2-thinking | kimi-k2-thinking
kimi-k2-0711-preview | kimi-k2
MiniMax-M2.5-highspeed | minimax-m2.5
GLM-4.6 | glm-4.6
zai-org/GLM-4.5-Air-FP8 | glm-4.5-air | quantised
qwen3-235b-a22b-nothink | qwen3-235b-a22b-nothink | same | none
qwen3-14b-nothink | qwen3-14b | effort | none
qwen3-max-2025-09-23 | qwen3-max
qwen3.8-max-thinking | qwen3.8-max | effort | thinking
deepseek-flash | deepseek-v4.1-flash | snapshot
doubao-seed-1-6-250615 | seed-1.6 | snapshot
solar-pro2-250909 | solar-pro-2 | snapshot
jamba-large-1.7-2025-07 | jamba-large-1.7 | snapshot
perplexity:sonar-pro | sonar-pro
ai21/jamba-1-5-large | jamba-1.5-large
"""

# What must not be taken for something else: the name and what it is, nothing where it is no known model.
NOT_ANOTHER = """
gpt-4 | gpt-4-0613
gpt-4-32k | gpt-4-32k
gpt-4.1 | gpt-4.1
gpt-4.1-mini | gpt-4.1-mini
gpt-41 | gpt-4.1
gpt-4-1106 | gpt-4-1106-preview
gpt-5-chat | gpt-5-chat
gpt-5-pro | gpt-5-pro
o1 | o1
o1-mini | o1-mini
o1-pro | o1-pro
o3-pro | o3-pro
qwen3-8b | qwen3-8b
qwen3.8-27b | qwen3.8-27b
qwen3-8b-base | qwen3-8b-base
qwen3-4b-instruct-2507 | qwen3-4b-instruct-2507
llama-3.1-8b | llama-3.1-8b
llama-3-8b | llama-3-8b
llama-3.1-70b-instruct | llama-3.1-70b-instruct
Meta-Llama-3-8B | llama-3-8b
Meta-Llama-3_1-8B | llama-3.1-8b
deepseek-r1 | deepseek-r1
deepseek-r1-distill-qwen-7b | deepseek-r1-distill-qwen-7b
deepseek-r1-0528-qwen3-8b | deepseek-r1-0528-qwen3-8b
claude-3-sonnet | claude-3-sonnet
claude-3-5-sonnet | claude-3-5-sonnet-20241022
claude-sonnet-5 | claude-sonnet-5
claude-sonnet-5-5 | claude-sonnet-5-5
gemma-2-2b-it | gemma-2-2b-it
gemma-2b-it | gemma-2b-it
gemma-2-9b | gemma-2-9b
grok-4 | grok-4
grok-4.1-fast-reasoning | grok-4.1-fast-reasoning
mistral-7b-v0.1 | mistral-7b-v0.1
kimi-k2 | kimi-k2
glm-4.5v | glm-4.5v
glm-5.3-flashx | glm-5.3-flashx
gpt-oss-safeguard-20b | gpt-oss-safeguard-20b
phi-3-mini-128k-instruct | phi-3-mini-128k-instruct
command-r7b | command-r7b-12-2024
chat-gpt-4o |
ollama:devstral |
ollama:codestral |
ollama/mistral-large |
mistral-small:latest |
codestral:latest |
qwen2.5-7b-instruct-1m |
gpt |
gpt-4p |
gpt-4o-audio-preview |
gpt-4o-realtime-preview-2024-12-17 |
gpt-4o-mini-tts |
gpt-5.4-chat |
gpt-5-micro |
gpt-50 |
gpt-4-1-8b |
o1-min |
o2 |
qwen3.8b |
qwen3 |
qwen38b |
qwen3-vl:8b |
qwen3-embedding-8b |
llama-3.1 |
llama3.1 |
llama-3.1-9b-instruct |
llama-31-8b |
llama-3.18b |
llama-3.3-70b-instruct-abliterated |
aion-rp-llama-3.1-8b |
claude |
claude-sonnet |
claude-35-sonnet |
claude-3-5 |
deepseek-chat |
deepseek-r1-distill |
deepseek-r1-distill-qwen |
gemini-2.5 |
gemini-2.5-flash-image |
gemini-2.5-pro-preview-tts |
mistral-large |
mistral-large-2311 |
mistral-7b |
mistral |
mixtral |
gpt-4o-high |
gpt-4.1-thinking |
claude-3-haiku-thinking |
llama-3.1-8b-instruct-nothink |
o3-max |
qwen3-next-80b-a3b |
llama3:8b-code |
codellama:7b-python |
phi4:70b |
kimi-k2:2t |
amazon.nova-pro-v2:0 |
amazon.nova-premier-v2 |
mistral.mistral-7b-instruct-v0:9 |
cohere.command-r-plus-v2:0 |
anthropic.claude-opus-5-8:0 |
models--acme--secret/snapshots/b968826d9c46dd6066d109eabc6255188de91218 |
azure_openai:chat |
azure:my-deployment |
azure_openai:prod |
accounts/acme/models/llama-v3p1-8b-instruct |
accounts/fireworks/deployedModels/llama-v3p1-8b-instruct |
meta-llama/Llama-3.1-8B-Instruct:my-lora |
meta-llama/Llama-3.1-8B-Instruct/checkpoint-500 |
arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6 |
arn:aws:bedrock:us-east-1:123456789012:provisioned-model/a1b2c3d4e5f6 |
arn:aws:s3:::bucket/gpt-4o |
ft:acme-model:org::id |
ft: |
ft::: |
openrouter/auto |
text-embedding-3-small |
nobody:gpt-4o |
test:small-model |
"""

# The experts of the outcome tables. The same model in two tables is one; snapshots and effort levels stay apart.
TABLES = """
abeja-qwen2.5-32b-japanese-v1.0 abeja-qwq32b-reasoning-japanese-v1.0 athene-70b c4ai-command-r-v01 chatgpt-4o-latest
chatgpt-4o-latest-2024-09-07 Chinese-Mistral-7B-v0.1 claude-2.1 claude-3-5-haiku-20241022 claude-3-5-sonnet-20240620
claude-3-5-sonnet-20240620-fc claude-3-5-sonnet-20241022 claude-3-7-sonnet-20250219 claude-3-haiku-20240307
claude-3-haiku-20240307-fc claude-3-opus-20240229 claude-3-opus-20240229-fc claude-3-sonnet-20240229
claude-3-sonnet-20240229-fc claude-fable-5 claude-fable-5-thinking-high claude-haiku-4-5-20251001 claude-instant-1.2
claude-opus-4-1-20250805 claude-opus-4-1-20250805-thinking claude-opus-4-5-20251101 claude-opus-4-5-20251101-thinking
claude-opus-4-6 claude-opus-4-6-thinking claude-opus-4-7 claude-opus-4-7-thinking claude-opus-4-8 claude-opus-4-8-high
claude-opus-4-8-thinking claude-opus-5 claude-opus-5-thinking-high claude-sonnet-4-5-20250929
claude-sonnet-4-5-20250929-thinking claude-sonnet-4-6 claude-sonnet-4-6-thinking claude-sonnet-5
claude-sonnet-5-thinking codegemma-7b command-r command-r-08-2024 command-r-plus command-r-plus-08-2024
command-r-plus-fc databricks-dbrx-instruct deepseek-coder-6.7b-instruct DeepSeek-Coder-V2 deepseek-coder-v2-0614
deepseek-coder-v2-0724 deepseek-r1 deepseek-r1-0528 deepseek-r1-zero deepseek-r1t-chimera deepseek-v2-chat-0628
deepseek-v2.5 deepseek-v3 deepseek-v3-0324 deepseek-v3.2-speciale-thinking deepseek-v3.2-thinking deepseek-v4-flash
deepseek-v4-flash-0731 deepseek-v4-pro deepseek-v4-pro-0813 dolphin-2.6-mistral-7b dolphin-2.9-llama3-8b
dots.llm1.inst doubao-pro-128k elyza-shortcut-1.0-qwen-32b elyza-thinking-1.0-qwen-32b falcon-h1-0.5b-instruct
firefunction-v1-fc firefunction-v2-fc flux-japanese-qwen2.5-32b-instruct-v1.0 functionary-medium-v3.1-fc
functionary-small-v3.1-fc functionary-small-v3.2-fc gemini-1.0-pro gemini-1.5-flash gemini-1.5-flash-002
gemini-1.5-flash-exp-0827 gemini-1.5-flash-preview-0514 gemini-1.5-pro gemini-1.5-pro-002 gemini-1.5-pro-exp-0801
gemini-1.5-pro-exp-0827 gemini-1.5-pro-preview-0409 gemini-1.5-pro-preview-0514 gemini-2.0-flash-001
gemini-2.0-flash-lite gemini-2.5-flash gemini-2.5-flash-lite gemini-2.5-pro gemini-2.5-pro-thinkhigh
gemini-2.5-pro-thinklow gemini-3-flash-preview-nothink gemini-3-flash-preview-thinkhigh gemini-3-pro-preview
gemini-3.1-flash-lite-preview-nothink gemini-3.1-flash-lite-preview-thinkhigh gemini-3.1-pro gemini-3.1-pro-preview
gemini-3.5-flash gemini-3.5-flash-lite gemini-3.6-flash gemini-3.7-flash-high gemma-2-27b-it gemma-2-2b-it
gemma-2-9b-it gemma-3-270m-it gemma-3-27b-it gemma-3-4b-it gemma-4-26b-a4b-it gemma-4-31b-it gemma-4-e2b-it
gemma-4-e4b-it gemma-7b gemma-7b-it glm-4-32b-0414 glm-4-9b-chat glm-4-z1-32b-0414 glm-5 glm-5-turbo glm-5.1 glm-5.2
glm-5.3 glm-5v-turbo gorilla-openfunctions-v2 gpt-3.5-turbo gpt-3.5-turbo-0125 gpt-3.5-turbo-0125-fc
gpt-4-0125-preview gpt-4-0125-preview-fc gpt-4-0314 gpt-4-0613 gpt-4-0613-fc gpt-4-1106-preview gpt-4-1106-preview-fc
gpt-4-turbo-2024-04-09 gpt-4-turbo-2024-04-09-fc gpt-4.1-2025-04-14 gpt-4.5-preview-2025-02-27 gpt-4o-2024-05-13
gpt-4o-2024-05-13-fc gpt-4o-2024-08-06 gpt-4o-2024-08-06-fc gpt-4o-2024-11-20 gpt-4o-mini-2024-07-18
gpt-4o-mini-2024-07-18-fc gpt-5-2025-08-07 gpt-5-mini-2025-08-07 gpt-5-nano-2025-08-07 gpt-5-pro-2025-10-06
gpt-5.1-high gpt-5.2-codex-xhigh gpt-5.2-high gpt-5.2-none gpt-5.2-xhigh gpt-5.3-chat-latest-2026-03-05
gpt-5.3-codex-xhigh gpt-5.4-high gpt-5.4-mini-2026-03-17-high gpt-5.4-mini-2026-03-17-none
gpt-5.4-nano-2026-03-17-high gpt-5.4-nano-2026-03-17-none gpt-5.4-none gpt-5.4-xhigh gpt-5.5-high gpt-5.5-none
gpt-5.5-pro gpt-5.5-xhigh gpt-5.6-luna-high gpt-5.6-luna-none gpt-5.6-luna-xhigh gpt-5.6-sol-high gpt-5.6-sol-none
gpt-5.6-sol-pro gpt-5.6-sol-xhigh gpt-5.6-terra-high gpt-5.6-terra-none gpt-5.6-terra-xhigh gpt-oss-120b gpt-oss-20b
granite-20b-functioncalling granite-4.0-h-micro granite-4.0-h-small granite-4.1-30b granite-4.1-3b granite-4.1-8b
grok-2-1212 grok-3 grok-3-beta grok-3-mini-beta grok-4-0709 grok-4-1-fast-non-reasoning grok-4-1-fast-reasoning
grok-4-fast-reasoning grok-4.1-20251219 grok-4.20-experimental-beta-0304-non-reasoning
grok-4.20-experimental-beta-0304-reasoning grok-4.20-heavy grok-4.20-multi-agent-experimental-beta-0304 grok-4.3
grok-4.5 grok-4.5-expert-20260724 grok-4.5-fast-20260724 grok-4.5-heavy grok-4.6 grok-build-0.1 grok-code-fast-1
hermes-2-pro-llama-3-70b hermes-2-pro-llama-3-8b hermes-2-pro-mistral-7b hermes-2-theta-llama-3-70b
hermes-2-theta-llama-3-8b hermes-4-70b horizon-beta hy3 inkling inkling-small intellect-3 jamba-1.5-large
jamba-large-1.7 kimi-k2-0905 kimi-k2.5 kimi-k2.6 kimi-k2.7-code kimi-k3 kimi-vl-a3b-thinking laguna-m.1 laguna-xs-2.1
laguna-xs.2 lfm2-1.2b lfm2-2.6b lfm2-350m lfm2-350m-enjp-mt lfm2-8b-a1b ling-2.6-1t ling-flash-2.0 Llama-2-13b-hf
Llama-2-70b-hf llama-2-7b-chat-hf Llama-2-7b-hf llama-3-70b-instruct llama-3-8b-instruct llama-3.1-405b-instruct
llama-3.1-405b-instruct-fp8 llama-3.1-405b-instruct@sambanova llama-3.1-70b-instruct llama-3.1-70b-instruct@hyperbolic
llama-3.1-8b-instruct llama-3.1-nemotron-51b-instruct llama-3.1-swallow-8b-instruct-v0.5 llama-3.2-1b-instruct
llama-3.2-3b-instruct llama-3.3-70b-instruct llama-3.3-nemotron-super-49b-v1
llama-3.3-nemotron-super-49b-v1.5-thinking llama-3.3-swallow-70b-instruct-v0.4 llama-4-maverick llama-4-scout
llama3-chatqa-1.5-70b llama3-chatqa-1.5-8b llm-jp-3.1-13b-instruct4 llm-jp-3.1-8x13b-instruct4 longcat-2.0
mai-ds-r1-fp8 map-neo-7b-instruct-v0.1 mathstral-7B mercury-2 Meta-Llama-3-70B Meta-Llama-3-8B Meta-Llama-3_1-70B
Meta-Llama-3_1-70B-Instruct Meta-Llama-3_1-8B Meta-Llama-3_1-8B-Instruct meta-muse-spark-20260409 MetaMath-Mistral-7B
mimo-v2-omni mimo-v2-pro mimo-v2.5 mimo-v2.5-pro minimax-m2.5 minimax-m2.7 minimax-m3 ministral-14b-2512
ministral-3b-2512 ministral-8b-2512 ministral-8b-instruct-2410 Mistral-7B-Instruct-v0.1 mistral-7b-instruct-v0.1
Mistral-7B-Instruct-v0.2 mistral-7b-instruct-v0.3 Mistral-7B-v0.1 Mistral-7B-v0.2-hf mistral-large-2407
mistral-large-2407-fc-any mistral-large-2407-fc-auto mistral-large-2512 mistral-medium-2312 mistral-medium-2508
mistral-medium-3-5 mistral-medium-3.5 mistral-medium-3.5-thinkhigh mistral-nemo-instruct-2407 mistral-small-2402
mistral-small-2402-fc-any mistral-small-2402-fc-auto mistral-small-2506 mistral-small-2603
mistral-small-2603-thinkhigh mistral-tiny-2312 Mixtral-8x7B-Instruct-v0.1 mixtral-8x7b-instruct-v0.1 Mixtral-8x7B-v0.1
muse-glimmer-30b muse-spark-1.1 muse-spark-1.2 nemotron-3-nano-omni-30b-a3b-reasoning nemotron-3-ultra-550b-a55b
nemotron-3.5-lightning nemotron-4-340b-instruct nexusflow-raven-v2 nova-2-lite-v1 nvidia-nemotron-3-super-120b-a12b
o1-mini-2024-09-12 o1-preview-2024-09-12 o3-2025-04-16 o3-pro-2025-06-10 o4-mini-2025-04-16-high olmo-3-7b-instruct
olmo-7b-0724-instruct-hf open-mistral-nemo-2407 open-mistral-nemo-2407-fc-any open-mistral-nemo-2407-fc-auto
open-mixtral-8x22b open-mixtral-8x22b-fc-any open-mixtral-8x22b-fc-auto open-mixtral-8x7b optimus-alpha owl-alpha
ox-alpha palmyra-x5 phi-3-mini-4k-instruct Phi-3-mini-4k-instruct phi-3.5-mini-instruct phi-3.5-moe-instruct phi-4
phi-4-mini-instruct phi-4-multimodal-instruct phi4-reasoning phi4-reasoningplus quasar-alpha Qwen1.5-110B
Qwen1.5-72B-Chat Qwen1.5-7B-Chat qwen2-0.5b-instruct qwen2-1.5b-instruct qwen2-72b-instruct qwen2-7b-instruct
qwen2.5-0.5b-instruct qwen2.5-1.5b-instruct qwen2.5-14b-instruct qwen2.5-32b-instruct qwen2.5-3b-instruct
qwen2.5-72b-instruct qwen2.5-7b-instruct qwen2.5-max qwen2.5-vl-72b-instruct qwen3-0.6b qwen3-14b qwen3-235b-a22b
qwen3-235b-a22b-nothink qwen3-30b-a3b qwen3-30b-a3b-fp8 qwen3-30b-a3b-instruct-2507 qwen3-30b-a3b-nothink qwen3-32b
qwen3-8b qwen3-8b-nothink qwen3-ezo-8b-beta qwen3-ezo-8b-beta-nothink qwen3-next-80b-a3b-instruct qwen3.5-122b-a10b
qwen3.5-27b qwen3.5-35b-a3b qwen3.5-397b-a17b qwen3.5-4b qwen3.5-9b qwen3.6-27b qwen3.6-35b-a3b qwen3.6-flash
qwen3.6-max-preview qwen3.6-plus qwen3.7-flash qwen3.7-max qwen3.7-plus qwen3.8-2.4t-a95b qwen3.8-27b qwen3.8-max
r1-1776 rakutenai-2.0-mini-instruct reka-core-20240501 reka-flash-20240226 sarashina2.2-3b
sarashina2.2-3b-instruct-v0.1 shisa-7b-v1 shisa-gamma-7b-v1 shisa-v2-llama3.1-405b shisa-v2-llama3.1-8b
shisa-v2-llama3.3-70b shisa-v2-qwen2.5-32b shisa-v2-qwen2.5-7b shisa-v2-unphi4-14b snowflake_arctic step-3.7-flash
stockmark-2-100b-instruct stockmark-2-100b-instruct-beta tanuki-8b-dpo-v1.0 trinity-large-thinking xlam-1b-fc-r
xlam-7b-fc-r yi-1.5-34b-chat yi-1.5-6b-chat yi-1.5-9b-chat Yi-34B Yi-6B Yi-6b-Chat yi-large yi-large-fc
yi-large-preview zephyr-7b-beta
"""


def _cases(text):
    lines = [line for line in text.replace("\\\n", "").splitlines() if line.strip() and not line.startswith("# ")]
    return [tuple(cell.strip() for cell in line.split("|")) for line in lines]


@pytest.mark.parametrize("case", _cases(REAL), ids=lambda case: case[0])
def test_a_real_name_is_the_model_it_names(case):
    name, model, relation, effort = (*case, *("same", "")[len(case) - 2 :])
    named = resolve(name)
    assert named is not None
    assert (named.model, named.relation, named.effort or "") == (model, relation, effort)
    assert named.row.model == model
    assert model in named.said or (named.row.of or "") in named.said


@pytest.mark.parametrize("case", _cases(NOT_ANOTHER), ids=lambda case: case[0])
def test_a_name_is_not_taken_for_a_similar_one(case):
    name, model = case
    named = resolve(name)
    assert (named.model if named else "") == model


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gpt-5-mini", "gpt-5-mini"),
        ("gpt-5-mini-2026-01-05", "a snapshot of gpt-5-mini"),
        ("gpt-4o", "gpt-4o-2024-08-06, which gpt-4o stands for"),
        ("gpt-4o-2025-01-01", "gpt-4o-2024-08-06, another snapshot of gpt-4o"),
        ("gpt-5.2-low", "gpt-5.2 at effort low"),
        ("ft:gpt-4.1-2025-04-14:acme::x", "a fine-tune of gpt-4.1"),
        ("Qwen/Qwen3-8B-FP8", "a quantised qwen3-8b"),
        ("command-r-plus-fc", "command-r-plus-04-2024 with native function calling"),
        ("grok-4-fast-low", "grok-4-fast at effort low, known at thinking"),
        ("zai-org/GLM-4.6-FP8:thinking", "a quantised glm-4.6 at effort thinking"),
    ],
)
def test_what_is_said_of_a_name_is_plain(name, said):
    assert resolve(name).said == said


def test_every_expert_of_the_outcome_tables_is_known():
    assert [name for name in TABLES.split() if resolve(name) is None] == []


def test_the_tables_that_are_here_hold_no_other_names():
    tables = sorted(Path(__file__).parents[4].glob("shared/data/*/experts.csv"))
    if not tables:
        pytest.skip("no outcome tables here")
    found = {row["expert"] for table in tables for row in csv.DictReader(table.open(encoding="utf-8"))}
    assert found - set(TABLES.split()) == set()


@pytest.mark.parametrize(
    "names",
    [
        "mistral-nemo-instruct-2407 open-mistral-nemo-2407 open-mistral-nemo-2407-fc-any",
        "mixtral-8x7b-instruct-v0.1 open-mixtral-8x7b Mixtral-8x7B-Instruct-v0.1",
        "llama-3.1-405b-instruct llama-3.1-405b-instruct-fp8 llama-3.1-405b-instruct@sambanova",
        "llama-3.1-8b-instruct Meta-Llama-3_1-8B-Instruct",
        "llama-3.1-70b-instruct Meta-Llama-3_1-70B-Instruct llama-3.1-70b-instruct@hyperbolic",
        "phi-3-mini-4k-instruct Phi-3-mini-4k-instruct",
        "command-r c4ai-command-r-v01",
        "mistral-medium-3.5 mistral-medium-3-5",
        "gemini-3.1-pro gemini-3.1-pro-preview",
        "gpt-4-0613 gpt-4-0613-fc",
        "qwen3-30b-a3b qwen3-30b-a3b-fp8",
    ],
)
def test_one_model_in_two_tables_is_one(names):
    assert len({resolve(name).model for name in names.split()}) == 1


@pytest.mark.parametrize(
    "names",
    [
        "gpt-4o-2024-05-13 gpt-4o-2024-08-06 gpt-4o-2024-11-20 gpt-4o-mini-2024-07-18 chatgpt-4o-latest",
        "gpt-5.2-none gpt-5.2-high gpt-5.2-xhigh gpt-5.2-codex-xhigh",
        "claude-opus-4-5-20251101 claude-opus-4-5-20251101-thinking",
        "claude-3-5-sonnet-20240620 claude-3-5-sonnet-20241022",
        "qwen3-235b-a22b qwen3-235b-a22b-nothink",
        "deepseek-r1 deepseek-r1-0528 deepseek-r1-zero mai-ds-r1-fp8 r1-1776",
        "gemini-1.5-pro gemini-1.5-pro-002 gemini-1.5-pro-exp-0801 gemini-1.5-pro-exp-0827 gemini-1.5-pro-preview-0409",
        "grok-4-1-fast-reasoning grok-4-1-fast-non-reasoning grok-4-fast-reasoning grok-4.1-20251219",
        "command-r-plus command-r-plus-08-2024 command-r command-r-08-2024",
        "Meta-Llama-3-8B llama-3-8b-instruct Meta-Llama-3_1-8B llama-3.1-8b-instruct",
        "Mistral-7B-v0.1 Mistral-7B-v0.2-hf Mistral-7B-Instruct-v0.1 Mistral-7B-Instruct-v0.2 mistral-7b-instruct-v0.3",
    ],
)
def test_what_is_distinct_stays_distinct(names):
    assert len({resolve(name).model for name in names.split()}) == len(names.split())


@pytest.mark.parametrize(
    "name",
    [
        "", " ", "\n", "-", "---", ".", "/", "//", ":", "::", "@", "~", "#", "|", "v", "p", "gpt-4o\nmini",
        "gpt-4o\x00", "gpt-４o", "gpt‑4o", "模型", "🤖", "a" * 10_000, "-" * 10_000, "gpt-4o" * 2_000, "1-" * 140,
        "a/" * 140, "0", "-fp8", "-latest", "it", "instruct", ":latest", "@default", "openai:", "openai/",
        "ollama:", "azure:-", "azure/", "-20250929", "arn:", "arn:aws:bedrock", ".ft-", "us.anthropic.",
        "anthropic.", "anthropic.-v1:0", ":0", "x:text", "x:-base",
    ],
)  # fmt: skip
def test_what_names_nothing_is_no_model(name):
    assert resolve(name) is None


def test_space_around_a_name_does_not_matter():
    assert resolve(" gpt-5-mini\n").model == "gpt-5-mini"


@given(st.text(max_size=40) | st.text("abcgpt-.:/@_~0123456789v", max_size=40))
def test_any_text_is_resolved_without_an_error(name):
    resolve(name)


@given(st.sampled_from(sorted(registry().rows)), st.sampled_from(["", "openai/", "x/y/", "models/"]))
def test_a_canonical_name_is_itself_in_any_case_and_behind_any_path(name, path):
    for spelled in (name, name.upper(), name.replace("-", "_")):
        named = resolve(path + spelled)
        assert (named.model, named.relation) == (name, "same")


def test_every_alias_leads_to_its_row():
    for row in all_models():
        for alias in row.aliases:
            named = resolve(alias.lstrip("~="))
            assert named is not None, alias
            assert named.model == row.model, alias
            assert (named.relation != "same") == alias.startswith("~"), alias


def test_a_known_name_is_resolved_in_no_time():
    resolve("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    began = time.perf_counter()
    for _ in range(2_000):
        resolve("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    assert (time.perf_counter() - began) / 2_000 < 50e-6


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("dolphin-9.9-llama3-8b", "llama-3-8b-instruct"),
        ("acme/our-mistral-7b-v0.1-tuned", "mistral-7b-v0.1"),
        ("llama-3.1-8b-lexi-uncensored", "llama-3.1-8b-instruct"),
        ("acme/gemma-2-9b-legal", "gemma-2-9b-it"),
        ("llama-3.1-8b-base-legal", "llama-3.1-8b"),
        ("azure:chat-gpt-4o", "gpt-4o-2024-08-06"),
        ("claude-sonnet-4-5[fast]", "claude-sonnet-4-5"),
        # What comes after a version may belong to it: a 4.9 is no 4.
        ("claude-sonnet-4-9", None),
        ("claude-sonnet-4-9-proxy", None),
        ("claude-sonnet-4-4-proxy", None),
        ("my-llm", None),
        ("gpt", None),
        ("7b", None),
        ("x" * 400, None),
        ("-".join(["a1"] * 100), None),
    ],
)
def test_an_unknown_name_may_speak_of_a_model(name, model):
    found = kindred(name)
    assert (found.model if found else None) == model


def test_a_model_without_a_date_is_as_old_as_its_kin():
    dated = [row for row in all_models() if not row.released and release_of(row)]
    assert dated
    for row in dated:
        assert release_of(row) in {registry().rows[k.model].released for k in relatives(row.model)}
