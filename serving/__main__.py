"""`python -m serving`: the REST API of the environment's library, on loopback unless told otherwise."""

from __future__ import annotations

import logging
import sys
import webbrowser
from contextlib import suppress
from dataclasses import replace
from threading import Thread

import click

from faceml.config import read_settings
from faceml.errors import FacemlError


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--host", default="127.0.0.1", help="Address to listen at; others than loopback need FACEML_API_KEY.")
@click.option("--port", default=8000, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--rate", default=200.0, help="Requests a second that one address may make; 0 sets no limit.")
@click.option(
    "--proxy",
    default="",
    metavar="ADDRESSES",
    help="Addresses of proxies in front of it (a,b), whose X-Forwarded-For is believed; nobody else's is.",
)
@click.option("--open", "opens", is_flag=True, help="Open the page to name faces on, /label, in a browser.")
def serve(host: str, port: int, rate: float, proxy: str, opens: bool) -> None:
    """Serve the library over REST."""
    import uvicorn

    from serving.app import create_app
    from serving.connections import BACKLOG, Server, guarded, listen, url_of
    from serving.limits import Limits
    from serving.security import LABEL_PAGE, check_binding

    settings = read_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    check_binding(host, settings)
    limits = replace(Limits(), rate=rate, burst=max(1, round(2 * rate)))
    app = create_app(settings, limits=limits)
    sockets = listen(host, port)
    config = uvicorn.Config(
        app,
        http=guarded(head_s=limits.head_s),
        ws="none",
        backlog=BACKLOG,
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy,
        access_log=False,  # ours holds no ids
        server_header=False,
        log_level=settings.log_level.lower(),
        timeout_graceful_shutdown=30,
    )
    url = url_of(host, sockets)

    def started() -> None:
        click.echo(f"faceml serves {settings.home} at {url}/api/v1/faces (Ctrl-C ends it)", err=True)
        click.echo(f"Name faces at {url}{LABEL_PAGE}", err=True)
        if opens:  # not in the way of the first request
            Thread(target=webbrowser.open, args=(url + LABEL_PAGE,), daemon=True).start()

    server = Server(config, on_start=started)
    with suppress(KeyboardInterrupt):
        server.run(sockets)
    if not server.started:
        sys.exit(1)


def main() -> None:
    try:
        serve.main(standalone_mode=False, prog_name="python -m serving")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except FacemlError as error:
        click.echo(f"faceml: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
