"""Uploads to the Hub: an adapter, a data set; private where the repository is new."""

from pathlib import Path

from vlm.errors import UserError


def upload(folder: Path, name: str, kind: str = "model", leave_out: tuple[str, ...] = ()) -> None:
    """Upload a folder into a repository of this name.

    Args:
        kind: "model" or "dataset", as the Hub calls them.
        leave_out: patterns of files that stay here.

    Raises:
        UserError: when the Hub cannot be reached or refuses; the folder is as it was.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, HTTPError

    try:
        api = HfApi()
        api.create_repo(name, repo_type=kind, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=name, repo_type=kind, folder_path=folder, ignore_patterns=list(leave_out)
        )
    except (HTTPError, HFValidationError, OSError, ValueError) as error:
        raise UserError(
            f"It lies in {folder}, but {name!r} did not take it ({type(error).__name__}); "
            "log in with `hf auth login` and give ORGANISATION/NAME."
        ) from error
