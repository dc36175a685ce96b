"""Providers' own words for the refusals that a status alone does not tell apart: one table, with its sources.

Every row is a regular expression for the error's text in lower case. Rows of a kind that stands higher win: a 403 that
speaks of moderation is no matter of keys, and a 400 that speaks of credit is not the request's fault.
"""

import re
from typing import Literal, NamedTuple

Told = Literal[
    "credit", "content_filter", "context_overflow", "region", "signature", "not_found", "auth", "unsupported",
    "unparsable",
]  # fmt: skip


class Words(NamedTuple):
    """How a provider says something.

    Attributes:
        kind: What it means.
        pattern: In the error's text, lower case.
        source: Whose words they are, and a public page or thread where they can be read.
    """

    kind: Told
    pattern: str
    source: str


TABLE: tuple[Words, ...] = (
    Words("credit", r"credit balance is too low", "Anthropic (400); code-yeongyu/oh-my-openagent#3571"),
    Words("credit", r"reached your specified (api )?usage limits", "Anthropic (400); BerriAI/litellm#37592"),
    Words("credit", r"insufficient credits|requires more credits", "OpenRouter (402); GEMISIS/leviath#201"),
    Words("credit", r"insufficient[_ ]balance", "DeepSeek (402); api-docs.deepseek.com/quick_start/error_codes"),
    Words("credit", r"insufficient_quota|billing_hard_limit|billing_not_active", "OpenAI; guides/error-codes"),
    Words("credit", r"used all available credits|doesn't have any credits", "xAI (403); docs.x.ai debugging"),
    Words("credit", r"exceeded your monthly included credits", "Hugging Face (402); tashfeenahmed/freellmapi#196"),
    Words("content_filter", r"content[_ ]?filter|content[_ ]policy", "OpenAI, Azure, Zhipu"),
    Words("content_filter", r"content management policy|responsibleaipolicy", "Azure OpenAI (400)"),
    Words("content_filter", r"limited access to this content for safety", "OpenAI; microsoft/PyRIT#1463"),
    Words("content_filter", r"flagged as potentially violating|moderation_blocked", "OpenAI invalid_prompt (400)"),
    Words("content_filter", r"content exists risk", "DeepSeek (400); deepseek-ai/DeepSeek-V2#30"),
    Words(
        "content_filter",
        r"data_?inspection_?failed|may contain inappropriate content",
        "DashScope (400, 500); QwenLM/qwen-code#3145, langgenius/dify#7932",
    ),
    Words(
        "content_filter",
        r"violates usage guidelines|safety_check_type",
        "xAI (403); UKGovernmentBEIS/inspect_ai#2267, theopenco/llmgateway#1785",
    ),
    Words("content_filter", r"requires moderation|input was flagged", "OpenRouter (403); docs errors page"),
    Words("content_filter", r"prohibited_content|blocked due to safety", "Gemini; safety-settings page"),
    Words("context_overflow", r"context[_ ]length|maximum context|context window|exceed_context", "OpenAI, vLLM"),
    Words("context_overflow", r"too many (input )?tokens", "Cohere, Bedrock (400)"),
    Words("context_overflow", r"input token count.{0,40}exceeds", "Gemini (400); google-gemini/gemini-cli#12098"),
    Words("context_overflow", r"input is too long for (the )?requested model", "Bedrock (400); dyad-sh/dyad#1950"),
    Words("context_overflow", r"prompt is too long", "Anthropic (400); strands-agents/harness-sdk#1663"),
    Words("context_overflow", r"exceeds? context limit", "Anthropic (400); docker/docker-agent#569"),
    Words("context_overflow", r"maximum prompt length", "xAI (400); cline/cline#3120"),
    Words(
        "context_overflow",
        r"inputs`? tokens \+ `?max_new_tokens`? must be|inputs`? must have less than",
        "TGI (422); opea-project/GenAIExamples#340",
    ),
    Words("context_overflow", r"prompt token count of \d+ exceeds", "GitHub Copilot (400); jjleng/copilot-more#35"),
    Words("context_overflow", r"tokens_limit_reached|request body too large", "GitHub Models (413); dyad-sh/dyad#1950"),
    Words("context_overflow", r"range of input length should be", "DashScope (400); QwenLM/qwen-code#98"),
    Words("context_overflow", r"too large for model with", "Mistral (400); BerriAI/litellm#21647"),
    Words("context_overflow", r"length of all messages is too long", "Perplexity (400); BerriAI/litellm#21647"),
    Words("context_overflow", r"exceeds the maximum allowed length", "SGLang (400); sgl-project/sglang#4048"),
    Words(
        "region",
        r"unsupported_country_region|region, or territory not supported|unsupported countries, regions",
        "OpenAI (403), Bedrock (400); continuedev/continue#11449, aws-samples/generative-bi-using-rag#361",
    ),
    Words("region", r"user location is not supported", "Gemini (400); available-regions page"),
    Words("region", r"not available in your (country|region)", "gateways (403, 451); anomalyco/opencode#8796"),
    Words("signature", r"invalid `?signature`? in `?thinking`?", "Anthropic (400); vybestack/llxprt-code#2335"),
    Words("signature", r"expected `thinking` or `redacted_thinking`", "Anthropic (400); Antigravity-Manager#139"),
    Words("signature", r"thought[_ ]?signature", "Gemini (400); lbjlaq/Antigravity-Manager#139"),
    Words("not_found", r"model_decommissioned|has been decommissioned", "Groq (400); crewAIInc/crewAI#1976"),
    Words("not_found", r"model_not_found|does not exist or you do not have access", "Groq; decolua/9router#3558"),
    Words("not_found", r"is not a valid model id|no endpoints found for", "OpenRouter (400, 404); HKUDS/nanobot#847"),
    Words("not_found", r"reached the end of its life|model identifier is invalid", "Bedrock (400, 404)"),
    Words("auth", r"api key not valid|api_key_invalid|invalid_api_key|incorrect api key", "Gemini (400), OpenAI"),
    Words("auth", r"unrecognizedclientexception|expiredtokenexception|accessdeniedexception", "Bedrock"),
    Words(
        "unsupported",
        r"unsupported_(parameter|value)|unsupported (parameter|value)",
        "OpenAI; write-assist-ai#30",
    ),
    Words("unsupported", r"argument not supported on this model", "xAI (400); BerriAI/litellm#12635, n8n-io/n8n#14581"),
    Words(
        "unsupported",
        r"tool call id was|tool_use\.id: string should match|(call_id|tool_calls\[\d+\]\.id)'?: string too long",
        "Mistral, Anthropic, OpenAI and Azure (400), of another's ids; mnfst/llm-gateway#1182, OpenSecretCloud/"
        "maple-proxy#18, Blockether/vis#152",
    ),
    Words("unsupported", r"cannot both be specified", "Anthropic (400); Vali-98/ChatterUI#564"),
    Words("unsupported", r"does not support this tool_choice", "DeepSeek (400); deepseek-ai/DeepSeek-V3#1376"),
    Words("unsupported", r"does not support (tools|images?|image input|system)", "Ollama (400)"),
    Words("unsupported", r"no endpoints found that support", "OpenRouter (404)"),
    Words("unsupported", r"is deprecated for this model", "Anthropic, Bedrock (400); The-PR-Agent/pr-agent#2456"),
    Words(
        "unsupported",
        r"tools with reasoning_effort are not supported",
        "OpenAI (400); openai/openai-openapi#541, pipecat-ai/pipecat#4043",
    ),
    Words(
        "unsupported",
        r"does not support assistant message prefill",
        "Anthropic (400); router-for-me/CLIProxyAPI#5319, anthropics/claude-code#52433",
    ),
    Words(
        "unsupported",
        r"unexpected role '\w+' after role|expected last role user or tool|roles must alternate",
        "Mistral, vLLM's templates (400); NousResearch/hermes-agent#20154, charmbracelet/crush#279",
    ),
    Words(
        "unparsable",
        r"tool_use_failed|json_validate_failed|see 'failed_generation'",
        "Groq (400), of what its model wrote; pydantic/pydantic-ai#4354, tashfeenahmed/freellmapi#291",
    ),
    Words("unsupported", r"max_tokens is too large|exceeds? the model limit of", "OpenAI; bedrock-access-gateway#41"),
)
_ORDER = tuple(dict.fromkeys(row.kind for row in TABLE))
_KINDS = {kind: re.compile("|".join(row.pattern for row in TABLE if row.kind == kind)) for kind in _ORDER}
# What a server's own trouble (5xx) may still be told from: some gateways pass a refusal on with a status of theirs.
_BEHIND_5XX: frozenset[Told] = frozenset({"content_filter", "context_overflow"})


def told(text: str, status: int | None) -> Told | None:
    """What a refusal's words say, or None where they are not known.

    Args:
        text: Of the error, lower case.
        status: The HTTP status, where there was one.
    """
    for kind in _ORDER:
        if (status is None or status < 500 or kind in _BEHIND_5XX) and _KINDS[kind].search(text):
            return kind
    return None
