"""Where the Functions host looks for functions."""

import azure.functions as func

from api.azure.function import app as api

app = func.AsgiFunctionApp(app=api, http_auth_level=func.AuthLevel.ANONYMOUS)
