"""A model's `config.json`. Apart from `model_folders`, so that who needs only the files waits for no checks to load."""

import json
from pathlib import Path
from typing import Any, cast

from facemend.config import ModelConfig
from facemend.errors import WeightsError
from facemend.model_folders import CONFIG_FILE, WEIGHTS_FILE

FORMAT = 1


def read_config(path: Path) -> ModelConfig:
    """Read `config.json`. Raises WeightsError when it is missing or no JSON, ConfigError for a wrong key or value."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such file; weights are a folder with {WEIGHTS_FILE} and {CONFIG_FILE}") from None
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(values, dict) or cast(dict[str, Any], values).get("format") != FORMAT:
        raise WeightsError(f'{path}: is of no format this version knows: expected "format": {FORMAT}')
    return ModelConfig.parse(cast(dict[str, Any], values).get("model"), str(path))


def config_text(config: ModelConfig) -> str:
    """What `config.json` says of a model."""
    return json.dumps({"format": FORMAT, "model": config.model_dump(mode="json")}, indent=2) + "\n"
