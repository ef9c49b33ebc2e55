"""The shop's API and its page."""

import hashlib
import hmac
import os

from flask import Flask, Response, jsonify, render_template, request

from shop import stock

app = Flask(__name__)


@app.get("/health")
def health() -> dict[str, str]:
    return {"shop": "open", "currency": os.environ["SHOP_CURRENCY"]}


@app.get("/")
def page() -> str:
    return render_template("items.html", items=stock.items(), currency=os.environ["SHOP_CURRENCY"])


@app.get("/items")
def items() -> Response:
    return jsonify(stock.items())


@app.post("/items")
def add() -> tuple[Response, int]:
    item = request.get_json()
    stock.put(item["id"], int(item["count"]))
    return jsonify(item), 201


@app.post("/orders")
def order() -> tuple[dict[str, str], int]:
    """Sign an order for the payment service; the key is a secret of the stack."""
    signature = hmac.new(os.environ["PAYMENT_KEY"].encode(), request.get_data(), hashlib.sha256).hexdigest()
    return {"signature": signature}, 201
