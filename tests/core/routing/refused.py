"""What an SDK raises where an endpoint answers with a status."""


class Refused(Exception):
    def __init__(self, status, retry_after=None, text=None):
        super().__init__(text or f"status {status}")
        self.status_code = status
        if retry_after is not None:
            self.response = type("Response", (), {"headers": {"retry-after": str(retry_after)}})
