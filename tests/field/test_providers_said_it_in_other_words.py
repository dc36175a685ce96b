"""Overflow, moderation, credit and the like, as each provider words them. Sources stand in `routing.refusals`."""

import re

import httpx
import openai
import pytest

from leeroo.routing.failures import POLICIES, classify
from leeroo.routing.refusals import TABLE

# Shapes as servers send them; the words are the shortest that tell the case.
SAID = [
    (400, "Tool call id was call_0fypS1hVX but must be a-z, A-Z, 0-9, with a length of 9.", "unsupported"),
    (400, "messages.135.content.2.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'", "unsupported"),
    (400, "Invalid 'input[39].call_id': string too long. Expected a string with maximum length 64.", "unsupported"),
    (400, "The input token count (317740) exceeds the maximum number of tokens allowed (131072).", "context_overflow"),
    (400, "Input is too long for requested model.", "context_overflow"),
    (400, "prompt is too long: 209303 tokens > 200000 maximum", "context_overflow"),
    (400, "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000", "output_cap"),
    (400, "This model's maximum prompt length is 131072 but the request contains 136973 tokens.", "context_overflow"),
    (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 2048", "context_overflow"),
    (400, "too many tokens: total number of tokens in the prompt cannot exceed 4081", "context_overflow"),
    (400, "Prompt contains 40000 tokens, too large for model with 32768 maximum context length", "context_overflow"),
    (400, "prompt token count of 93854 exceeds the limit of 90000", "context_overflow"),
    (413, "Request body too large for gpt-5-mini model. Max size: 4000 tokens.", "context_overflow"),
    (400, "Range of input length should be [1, 30720]", "context_overflow"),
    (400, "The input (40961 tokens) is longer than the model's context length (32768 tokens).", "context_overflow"),
    (400, "Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens).", "context_overflow"),
    (400, "The total length of all messages is too long.", "context_overflow"),
    (400, "ContextWindowExceededError: Context Window exceeded for given call.", "context_overflow"),
    (400, "Invalid prompt: we've limited access to this content for safety reasons.", "content_filter"),
    (400, "Invalid prompt: your prompt was flagged as potentially violating our usage policy.", "content_filter"),
    (400, "ResponsibleAIPolicyViolation", "content_filter"),
    (400, "Content Exists Risk", "content_filter"),
    (400, "<400> InternalError.Algo.DataInspectionFailed: Input text data may contain ...", "content_filter"),
    (500, "Input data may contain inappropriate content.", "content_filter"),
    (403, "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO", "content_filter"),
    (400, "Your credit balance is too low to access the Anthropic API.", "credit"),
    (400, "You have reached your specified API usage limits.", "credit"),
    (402, "Insufficient Balance", "credit"),
    (402, "This request requires more credits, or fewer max_tokens.", "credit"),
    (429, "You exceeded your current quota. code: insufficient_quota", "credit"),
    (429, "You exceeded your current quota, please retry in 20 s", "rate_limit"),
    (403, "Country, region, or territory not supported", "region"),
    (400, "User location is not supported for the API use.", "region"),
    (451, "Access to these models is not available in your region (IM)", "region"),
    (400, "Access to Anthropic models is not allowed from unsupported countries, regions, or territories", "region"),
    (400, "The model `llama-3.1-70b-versatile` has been decommissioned and is no longer supported.", "not_found"),
    (400, "free is not a valid model ID", "not_found"),
    (404, "The model `x` does not exist or you do not have access to it.", "not_found"),
    (400, "API key not valid. Please pass a valid API key.", "auth"),
    (403, "The caller does not have permission", "auth"),
    (400, "messages.1.content.0: Invalid `signature` in `thinking` block", "signature"),
    (400, "Function call is missing a thought_signature in functionCall parts.", "signature"),
    (400, "Unsupported value: 'temperature' does not support 0.2 with this model.", "unsupported"),
    (400, "Unsupported parameter: 'max_tokens' is not supported with this model.", "unsupported"),
    (400, "Argument not supported on this model: stop", "unsupported"),
    (400, "`temperature` and `top_p` cannot both be specified for this model.", "unsupported"),
    (400, "registry.ollama.ai/library/gemma:2b does not support tools", "unsupported"),
    (404, "No endpoints found that support tool use.", "unsupported"),
    (400, "Thinking mode does not support this tool_choice", "unsupported"),
    (400, "max_tokens is too large: 32000. This model supports at most 16384 completion tokens", "output_cap"),
    (503, "model_not_found while loading", "server"),
    (400, "messages: field required", "bad_request"),
]


@pytest.mark.parametrize(("status", "message", "kind"), SAID)
def test_the_words_of_providers_are_understood(status, message, kind):
    response = httpx.Response(status, request=httpx.Request("POST", "https://host/v1/chat/completions"))
    error = openai.OpenAI(api_key="none")._make_status_error(message, body=None, response=response)
    assert classify(error).kind == kind


def test_what_a_model_wrote_is_not_taken_for_a_refusal():
    class OutputParserException(ValueError):
        pass

    assert classify(OutputParserException("Could not parse: the context window is too long")).kind == "bad_answer"


def test_every_row_of_the_table_has_a_source_and_a_pattern_that_some_case_reaches():
    for row in TABLE:
        assert row.kind in POLICIES
        assert row.source.strip()
        assert row.pattern == row.pattern.lower()
        re.compile(row.pattern)
    reached = {row for row in TABLE for _, text, _ in SAID if re.search(row.pattern, text.lower())}
    assert len(reached) > 0.6 * len(TABLE)
