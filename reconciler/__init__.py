"""exempt: policy-as-code exemptions for Microsoft Defender for Cloud."""

__version__ = "0.1.0"
