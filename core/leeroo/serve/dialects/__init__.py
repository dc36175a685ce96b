"""The endpoints that ask for an answer: each writes requests and answers its own way, and all are chats inside.

A request is translated into the one for `/v1/chat/completions` before anything of it is read, counted or judged, and
what comes back is a chat completion or its pieces. So caps, budgets, limits, keys and records hold on each alike.
"""

from leeroo.serve.dialects.chat import CHAT
from leeroo.serve.dialects.completions import COMPLETIONS
from leeroo.serve.dialects.messages import MESSAGES
from leeroo.serve.dialects.responses import RESPONSES

DIALECTS = (CHAT, RESPONSES, MESSAGES, COMPLETIONS)
