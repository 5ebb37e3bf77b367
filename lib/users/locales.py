"""Which languages and regions there are: what of BCP 47 (https://www.rfc-editor.org/rfc/rfc5646) a locale here has."""

from functools import cache
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

# ISO 639-1 (https://www.loc.gov/standards/iso639-2/php/code_list.php), and those of three letters that have no shorter
# code and that CLDR has a wide coverage of.
_LANGUAGES = """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo es
et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki
kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no
nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te
tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
ast ceb chr ckb dsb fil fur gsw haw hsb kok lij nds nso sah sat scn smn szl vec yue
"""
# https://www.unicode.org/iso15924/iso15924-codes.html: those that tell the written forms of a living language apart.
_SCRIPTS = """
Adlm Arab Armn Beng Cans Cher Cyrl Deva Ethi Geor Grek Gujr Guru Hans Hant Hebr Jpan Khmr Knda Kore Laoo Latn Mlym
Mong Mymr Olck Orya Sinh Taml Telu Tfng Thaa Thai Tibt
"""
# ISO 3166-1 (https://www.iso.org/obp/ui/#search/code/).
_REGIONS = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""


def _known(locale: str) -> str:
    language, *rest = locale.split("-")
    script = next((part for part in rest if len(part) > 2), None)
    region = next((part for part in rest if len(part) == 2), None)
    if language not in _languages() or (script is not None and script not in _scripts()):
        raise ValueError(f"{locale} is no language that is known here")
    if region is not None and region not in _regions():
        raise ValueError(f"{region} is no region of ISO 3166")
    return locale


Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?$"), AfterValidator(_known)]
"""A language, with the script or the region where that matters: `de`, `de-AT`, `zh-Hant-TW`."""


@cache
def _languages() -> frozenset[str]:
    return frozenset(_LANGUAGES.split())


@cache
def _scripts() -> frozenset[str]:
    return frozenset(_SCRIPTS.split())


@cache
def _regions() -> frozenset[str]:
    return frozenset(_REGIONS.split())
