"""A prediction on the terminal, or as lines in a log file."""

from types import TracebackType

from medse.cli.counting import CountingBar
from medse.cli.terminal import say
from medse.errors import count
from medse.predict.images import ImageDone
from medse.predict.scans import Refused, WindowsDone, Written


class PredictionDisplay(CountingBar):
    """A bar for the windows of the scan that is being segmented; a line for each label map.

    ``with PredictionDisplay(folder) as show: predict_scans(..., progress=show)``; the bar is gone after the block.
    """

    def __init__(self, folder: object) -> None:
        self.folder = folder
        self.written: list[str] = []
        super().__init__("windows")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self.written:
            say(f"{count(self.written, 'label map', 'label maps')} in {self.folder}")

    def __call__(self, event: WindowsDone | Written | Refused) -> None:
        match event:
            case WindowsDone(case, done, number):
                what = case if done < number else f"{case}: writing"
                self.bar.update(self.task, completed=done, total=number, description=what)
            case Written(_, path):
                say(str(path))
                self.written.append(str(path))
                self.bar.reset(self.task, total=None, description="reading")
            case Refused(case):
                say(f"{case}: not segmented, see below")
                self.bar.reset(self.task, total=None, description="reading")


class ImagesDisplay(CountingBar):
    """A bar for the images that are classified; a line for each that cannot be used."""

    def __init__(self) -> None:
        super().__init__("images")

    def __call__(self, event: ImageDone) -> None:
        self.bar.update(self.task, completed=event.done, total=event.number, description="classifying")
        if event.reason:
            say(f"{event.case}: not classified, see below")
