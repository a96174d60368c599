"""Pictures that are given to the page: dropped on it, or chosen with a button."""

from collections.abc import Awaitable, Callable

from nicegui import ui
from nicegui.events import UploadEventArguments
from starlette.formparsers import MultiPartParser

from workbench.errors import WorkbenchError

MOST_BYTES = 32 << 20  # of a picture file
BODY_BYTES = MOST_BYTES + (64 << 10)  # of a request, with the lines around the file
MultiPartParser.spool_max_size = BODY_BYTES  # in memory: no file is written, not even a temporary
TOO_LARGE = WorkbenchError("picture", f"more than {MOST_BYTES >> 20} MiB", remedy="Scale it down.")


def picture_upload(
    area: ui.element,
    button: ui.button,
    take: Callable[[str, bytes], Awaitable[None]],
    refuse: Callable[[WorkbenchError], None],
) -> None:
    """Call `take` with the name and content of a file that is dropped on `area`.

    `button` opens the browser's choice of a file. `refuse` is called for one of more than
    MOST_BYTES.
    """

    async def uploaded(event: UploadEventArguments) -> None:
        upload.reset()
        await take(event.file.name, await event.file.read())

    upload = ui.upload(
        max_file_size=MOST_BYTES,
        on_upload=uploaded,
        on_rejected=lambda: refuse(TOO_LARGE),
        auto_upload=True,
    ).classes("upload")
    uploader = f"getElement({upload.id}).$refs.qRef"
    area.on("dragover", js_handler="event => event.preventDefault()")
    area.on(
        "drop",
        js_handler=f"event => {{ event.preventDefault(); "
        f"{uploader}.addFiles(event.dataTransfer.files) }}",
    )
    button.on("click", js_handler=f"() => {uploader}.pickFiles()")
