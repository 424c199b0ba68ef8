"""The vLLM plugin, entry point ``vllm.general_plugins``: a name is verified before vLLM sees a path.

Does nothing and imports nothing unless ``FTLINEAGE_SERVE`` names a folder of versions, so it is
harmless in every vLLM it happens to be installed beside. With it, a resolver answers for names such
as ``support-bot-9f2c4b1e07aa``. It answers None only for names that are not ours; a version that
fails or cannot be decided raises, which ends vLLM's chain of resolvers, so no other one serves it
instead. vLLM is given the path of a read-only copy of the verified bytes, one path a version,
because it reads weights later and keys its prefix cache by the path.

=====================================  =====================================================================
``FTLINEAGE_SERVE``                    folder of versions (each with its ``lineage.json``), or one version
``FTLINEAGE_SERVE_REVISION``           the 40-hex commit given to ``vllm serve --revision``
``FTLINEAGE_SERVE_BASE``               the folder vLLM serves the base from, compared with each card
``FTLINEAGE_SERVE_POLICY``             a policy file
``FTLINEAGE_SERVE_TRUST``              an ``allowed_signers`` file or PEM public keys
``FTLINEAGE_SERVE_REQUIRE_SIGNATURE``  ``1``: unsigned versions are refused
=====================================  =====================================================================
"""

from __future__ import annotations

import os

FOLDER = "FTLINEAGE_SERVE"


def register() -> None:
    """Register the resolver with vLLM; vLLM calls this in every process, and more than once.

    Raises:
        FtlineageError: It is configured wrongly. vLLM then does not start, because a server that
            silently verifies nothing is worse than none.
    """
    if not os.environ.get(FOLDER):
        return
    from vllm.lora.resolver import LoRAResolverRegistry

    from ftlineage.serve.vllm_resolver import NAME, make_resolver

    if NAME not in LoRAResolverRegistry.get_supported_resolvers():
        LoRAResolverRegistry.register_resolver(NAME, make_resolver(os.environ))
