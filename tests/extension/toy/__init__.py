"""An example of an extension: the parity of the tokens, and a rule that looks at hinted inputs only."""

import sys

from proofcheck import Extension
from proofcheck.extensions import digest_of
from toy import parity, sample

EXTENSION = Extension(
    name="toy",
    version="0.1",
    digest=digest_of(sys.modules[__name__]),
    rules=(sample.RULE,),
    tasks=(parity.KIND,),
)
