"""Settings: precedence, names, refusals, and their one documented table."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from tallystick.platform.settings import Settings, load_settings, secret, variable_of
from tallystick.platform.settings_file import BadConfigFile, UnknownConfigKey

pytestmark = pytest.mark.usefixtures("clean_environment")

REPOSITORY = Path(__file__).parents[2]
DOCUMENT_004 = """
server:
  port: 8080
  timeout: 30s
database:
  postgres:
    host: localhost
    port: 5433
    database: payments
    max_connections: 20
redis:
  host: localhost
fraud_detection:
  enabled: true
payment_routes:
  - name: "upi_hdfc"
    provider: "hdfc_bank"
    priority: 1
    max_amount: 200000
    fee_percent: 0.5
  - name: "upi_icici"
    provider: "icici_bank"
    priority: 2
    max_amount: 100000
    fee_percent: 0.6
rate_limits:
  global:
    burst: 2000
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "tallystick.yaml"
    monkeypatch.setenv("TALLYSTICK_CONFIG", str(path))
    return path


class TestPrecedence:
    def test_defaults_are_those_of_document_000(self) -> None:
        settings = load_settings(env_file=None)
        assert (settings.port, settings.host) == (3004, "127.0.0.1")
        assert (settings.db_pool_min, settings.db_pool_max) == (10, 50)
        assert (settings.db_acquire_timeout, settings.db_idle_timeout) == (60_000, 30_000)
        assert settings.db_schema == "payment_service"

    def test_argument_over_environment_over_dotenv_over_file(
        self, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dotenv = tmp_path / ".env"
        config.write_text("{mode: test, host: file, port: 1, log_level: error, db_port: 1}")
        assert load_settings(env_file=dotenv).port == 1
        dotenv.write_text("PORT=2\nHOST=dotenv\nLOG_LEVEL=debug\nTALLYSTICK_MODE=live\n")
        assert load_settings(env_file=dotenv).port == 2
        assert load_settings(env_file=dotenv).mode == "live"
        monkeypatch.setenv("PORT", "3")
        monkeypatch.setenv("HOST", "environment")
        settings = load_settings(env_file=dotenv, host="argument")
        found = (settings.host, settings.port, settings.log_level, settings.db_port)
        assert found == ("argument", 3, "debug", 1)

    def test_the_dotenv_file_may_name_the_yaml_file(self, tmp_path: Path) -> None:
        (tmp_path / "house.yaml").write_text("server: {port: 8081}")
        (tmp_path / ".env").write_text(f"TALLYSTICK_CONFIG={tmp_path}/house.yaml\n")
        assert load_settings(env_file=tmp_path / ".env").port == 8081

    def test_an_empty_variable_counts_as_unset(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DB_HOST", "")
        monkeypatch.setenv("PORT", "")
        settings = load_settings(env_file=None)
        assert settings.db_host is None
        assert settings.port == 3004

    def test_a_stray_variable_called_mode_means_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MODE", "live")
        assert load_settings(env_file=None).mode == "test"
        monkeypatch.setenv("TALLYSTICK_MODE", "live")
        assert load_settings(env_file=None).mode == "live"
        assert load_settings(env_file=None, mode="test").mode == "test"


class TestTheYamlFile:
    def test_it_is_document_004s(self, config: Path) -> None:
        config.write_text(DOCUMENT_004)
        settings = load_settings(env_file=None)
        assert (settings.port, settings.request_timeout_ms) == (8080, 30_000)
        assert (settings.db_host, settings.db_port) == ("localhost", 5433)
        assert (settings.db_database, settings.db_pool_max) == ("payments", 20)
        first, second = settings.payment_routes
        assert (first.name, first.provider, first.priority) == ("upi_hdfc", "hdfc_bank", 1)
        assert (second.max_amount, second.fee_percent) == (Decimal(100_000), Decimal("0.6"))

    def test_a_slip_of_the_pen_is_named(self, config: Path) -> None:
        config.write_text("database: {postgres: {hots: localhost}}")
        with pytest.raises(UnknownConfigKey, match=r"database\.postgres\.hots"):
            load_settings(env_file=None)

    @pytest.mark.parametrize("content", ["- a\n- b\n", "password: [geheim", "\x00"])
    def test_a_broken_file_is_told_without_its_content(self, config: Path, content: str) -> None:
        config.write_text(content)
        with pytest.raises(BadConfigFile) as told:
            load_settings(env_file=None)
        assert "geheim" not in str(told.value)

    def test_a_missing_file_is_told(self, config: Path) -> None:
        with pytest.raises(BadConfigFile, match="No such file"):
            load_settings(env_file=None)


class TestValues:
    def test_there_are_two_routes_by_default(self) -> None:
        routes = load_settings(env_file=None).payment_routes
        limits = [(r.name, r.priority, int(r.max_amount), str(r.fee_percent)) for r in routes]
        assert limits == [("hdfc_bank", 1, 200_000, "0.5"), ("icici_bank", 2, 100_000, "0.6")]

    def test_lists_come_with_commas_and_routes_as_json(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RECOVERY_SCHEDULE_S", "1,2,30")
        monkeypatch.setenv(
            "PAYMENT_ROUTES",
            '[{"name": "a", "provider": "b", "max_amount": "10.50", "currencies": ["INR"]}]',
        )
        settings = load_settings(env_file=None)
        assert settings.recovery_schedule_s == (1, 2, 30)
        (route,) = settings.payment_routes
        assert (route.max_amount, route.currencies) == (Decimal("10.50"), ("INR",))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"port": 65_536},
            {"port": "http"},
            {"db_pool_min": 51},
            {"db_statement_timeout": 0},
            {"db_schema": 'x"; DROP SCHEMA public'},
            {"mode": "production"},
            {"mode": "live", "crash_at": "journal.after_commit:1"},
            {"mode": "live", "test_clock_at": "2024-01-15T10:00:00Z"},
            {"mode": "live", "test_clock": "hand"},
            {"test_clock": "stopped"},
            {"test_clock_at": "2024-01-15T10:00:00"},  # without a zone
            {"recovery_schedule_s": "60,soon"},
            {"payment_routes": [{"name": "a", "provider": "b", "max_amount": 1}] * 2},
            {"payment_routes": [{"name": "a", "provider": "b", "max_amount": 1, "fee": 1}]},
        ],
    )
    def test_a_wrong_value_is_refused(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValidationError):
            load_settings(env_file=None, **wrong)

    def test_an_unknown_argument_is_refused(self) -> None:
        with pytest.raises(TypeError, match="prot"):
            load_settings(env_file=None, prot=3004)

    def test_settings_cannot_be_changed(self) -> None:
        settings = load_settings(env_file=None)
        with pytest.raises(ValidationError):
            settings.port = 1


class TestSecrets:
    def test_they_never_print(self) -> None:
        names = [name for name, f in Settings.model_fields.items() if "SecretStr" in str(f)]
        assert len(names) == 10
        clear = {name: f"geheim-{name}" for name in names if name != "master_key"}
        clear["master_key"] = "Z2VoZWltZ2VoZWltZ2VoZWltZ2VoZWltZ2VoZWltOTk="
        clear["kafka_schema_registry_url"] = "https://us:geheim@registry"
        settings = load_settings(env_file=None, **clear)
        dumps = (str(settings), repr(settings), settings.model_dump_json())
        for text in (*dumps, str(settings.model_dump())):
            assert "geheim" not in text
            assert "Z2Vo" not in text
        assert secret(settings.key_pepper) == "geheim-key_pepper"

    @pytest.mark.parametrize("value", ["geheim", "Z2VoZWlt", "Z2VoZWlt\n" * 4])
    def test_a_master_key_of_another_size_is_refused_without_being_shown(self, value: str) -> None:
        with pytest.raises(ValidationError) as told:
            load_settings(env_file=None, master_key=value, port="geheim")
        assert "geheim" not in str(told.value)
        assert value.strip() not in str(told.value)

    def test_one_that_is_not_there_is_an_error_when_asked_for(self) -> None:
        with pytest.raises(LookupError):
            secret(None)
        assert secret(SecretStr("x")) == "x"


class TestTheDocumentedTable:
    def _rows(self) -> dict[str, str]:
        text = (REPOSITORY / "docs/reference/settings.md").read_text(encoding="utf-8")
        return dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", text, re.MULTILINE))

    def test_it_names_every_setting_and_no_other(self) -> None:
        names = {variable_of(name).upper() for name in Settings.model_fields}
        assert set(self._rows()) == names

    def test_it_tells_the_defaults(self) -> None:
        rows = self._rows()
        spoken = {"unset": "None", "made": "None"}
        for name, field in Settings.model_fields.items():
            said = rows[variable_of(name).upper()].strip("`")
            default = field.default
            if name == "payment_routes":
                continue
            if isinstance(default, tuple):
                default = ",".join(map(str, default))
            if isinstance(default, bool):
                default = str(default).lower()
            assert spoken.get(said, said) == str(default), name

    def test_it_names_the_yaml_keys(self) -> None:
        from tallystick.platform.settings_file import _PLACES

        text = (REPOSITORY / "docs/reference/settings.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| `([a-z][A-Za-z_.]*)` \| `([A-Z_]+)`", text, re.MULTILINE)
        assert {key: name.lower() for key, name in rows} == _PLACES

    def test_the_example_has_only_settings_that_exist(self) -> None:
        text = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
        names = set(re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE))
        assert names
        assert names <= set(self._rows())
