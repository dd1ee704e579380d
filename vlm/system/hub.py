"""Uploads of adapters and data sets to the Hub."""

from pathlib import Path

from vlm.errors import UserError


def upload(folder: Path, name: str, kind: str = "model", exclude: tuple[str, ...] = ()) -> None:
    """Upload a folder to a repository, which is created as a private one if it does not exist.

    Args:
        name: "ORGANISATION/NAME".
        kind: the Hub's repository type, "model" or "dataset".
        exclude: glob patterns of files that are not uploaded.

    Raises:
        UserError: when the Hub cannot be reached or refuses; the folder is unchanged.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError, HTTPError

    try:
        api = HfApi()
        api.create_repo(name, repo_type=kind, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=name, repo_type=kind, folder_path=folder, ignore_patterns=list(exclude)
        )
    except (HTTPError, HFValidationError, OSError, ValueError) as error:
        raise UserError(
            f"Saved to {folder}, but the upload to {name!r} failed ({type(error).__name__}); "
            "log in with `hf auth login` and give the name as ORGANISATION/NAME."
        ) from error
