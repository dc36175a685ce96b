"""An OpenAI-compatible endpoint over a router, for clients that speak neither LangChain nor LlamaIndex.

Extra `serve`. FastAPI and uvicorn are imported only where an app is made or run (`leeroo.serve.app`).
"""
