"""The words by which a column says that it holds persons."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

from gridgis.contract import CODE, PARENT

ALWAYS, PERHAPS = "always", "perhaps"
"""What a name says of its column: persons, whatever stands in it; or persons, unless numbers or flags stand in it."""

NOT_PERSONS = frozenset({CODE, PARENT, "parent_name", "located_by", "event_id", "share", "distance_m"})
"""Columns of our own, and names of places."""

_IDENTITY = frozenset(
    re.findall(
        r"\S+",
        "phone phones telephone telephones tel telno mobile mobiles cellphone smartphone landline hotline fax "
        "email emails mail passport passports surname surnames forename forenames firstname lastname fullname "
        "givenname familyname nickname username birthday birthdate birthplace birth dob wechat weixin qq "
        "whatsapp telegram alipay address addresses addr householder householders numberplate licenceplate "
        "licenseplate plate plates plateno ssn idcard idno idnumber nric imei imsi signature xingming dianhua "
        "shouji shoujihao shenfenzheng dizhi zhuzhi weixinhao chepai chepaihao sfz sfzh sfzhm lxdh lxfs sjh "
        "sjhm zjhm zjh huzhu ",
    )
)
"""Words of numbers, addresses and names of persons."""

_ROLES = frozenset(
    re.findall(
        r"\S+",
        "caller callers complainant complainants complainer complainan reporter reporters applicant "
        "applicants tenant tenants landlord landlords landlady lessee lessees lessor lessors renter renters "
        "lodger victim victims witness witnesses plaintiff plaintiffs defendant defendants suspect suspects "
        "offender offenders perpetrator resident residents inhabitant inhabitants dweller occupant occupants "
        "occupier occupiers owner owners homeowner homeowners houseowner proprietor contact contacts "
        "informant informants whistleblower petitioner petitioners claimant claimants visitor visitors guest "
        "guests patient patients client clients customer customers citizen citizens person people individual "
        "survivor survivors accused deceased arrestee spouse husband wife mother father guardian guardians "
        "neighbour neighbor neighbours neighbors submitter requester requestor sender recipient appellant "
        "respondent handler assignee user users member members driver drivers passenger pedestrian employee "
        "employees staff student students pupil teacher beneficiary subscriber payer payee litigant debtor "
        "creditor signatory attendee participant registrant lianxiren yezhu zuhu fangdong tousuren baoanren "
        "shenqingren dangshiren jubaoren shouhairen laifangren lxr ",
    )
)
"""Words of what persons are or do."""

_PAIRS = frozenset(
    [
        *(
            (first, "name")
            for first in re.findall(
                r"\S+",
                "first last full given family middle maiden user nick contact personal ",
            )
        ),
        *((first, second) for first in ("id", "identity") for second in ("card", "number", "no", "num", "document")),
        *(
            (first, "number")
            for first in re.findall(
                r"\S+",
                "contact phone tel mobile licence license plate passport card ",
            )
        ),
        *(
            (first, second)
            for first in ("license", "licence", "number", "vehicle", "car")
            for second in ("plate", "no")
        ),
        *((first, second) for first in ("bank", "card") for second in ("account", "card", "no")),
        *(
            (first, second)
            for first in re.findall(
                r"\S+",
                "house room flat apartment apt door ",
            )
            for second in ("no", "number")
        ),
        *(
            (done, "by")
            for done in re.findall(
                r"\S+",
                "reported submitted filed requested called complained created entered recorded ",
            )
        ),
        *(
            (done, "by")
            for done in re.findall(
                r"\S+",
                "registered handled assigned signed received lodged raised updated owned rented ",
            )
        ),
        *(
            (done, "by")
            for done in re.findall(
                r"\S+",
                "reviewed approved closed edited modified written observed inspected ",
            )
        ),
        ("social", "security"),
        ("national", "id"),
        ("household", "id"),
        ("date", "birth"),
        ("vehicle", "number"),
        ("driver", "license"),
        ("driver", "licence"),
        ("cell", "phone"),
        ("e", "mail"),
        ("we", "chat"),
        ("user", "id"),
    ]
)
_OF_A_PERSON = frozenset(
    re.findall(
        r"\S+",
        "name names id ids no phone tel mobile email card address contact code ",
    )
)
"""What follows a role, so that the column is of persons even where numbers stand in it."""

_NOT_OF_A_PERSON = frozenset(
    re.findall(
        r"\S+",
        "type types kind kinds category categories class classes status state count counts total totals sum "
        "num rate rates ratio share percent percentage density level satisfaction group groups area district "
        "community street zone committee centre center service services channel source brand quality age sex "
        "gender validity valid flag ward household households building buildings density place places village "
        "town ",
    )
)
"""What follows a word, so that the column is of a kind, a count or a place."""

_COUNTS = ("count_", "sum_")
_SPLIT = re.compile(r"[^A-Za-z0-9\u3400-\u9fff]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)")
_HANZI = re.compile(r"[\u3400-\u9fff]")

_IDENTITY_ZH = re.compile(
    r"姓名|名字|昵称|称呼|签名|户主|电话|手机|座机|固话|传真|热线|联系方式|联络方式|联系号码|身份证|身分证|证件号|证件号码|护照|驾驶证|驾照|"
    r"社保号|社保卡|医保号|银行卡|银行账号|银行帐号|卡号|住址|地址|门牌|房号|房间号|户号|出生|生日|邮箱|邮件|电邮|微信|支付宝|车牌|号牌|"
    r"(?:^|[^a-z])qq|用户名|账户名|曾用名|真名|人名"
)
_ROLES_ZH = re.compile(
    r"业主|房主|屋主|店主|车主|船主|机主|事主|失主|户主|租户|租客|住户|房东|居民|客户|用户|市民|村民|乘客|旅客|游客|患者|病人|病患|"
    r"死者|伤者|逝者|学生|家长|配偶|父亲|母亲|监护|亲属|家属|被告|原告|证人|司机|驾驶员|网格员|巡查员|网格长|楼长|楼栋长|"
    r"(?:投诉|举报|报案|报警|来电|来访|申请|申报|上报|爆料|反映|反馈|提交|受害|求助|求救|诉求|当事|拨打|呼叫|联系|联络|经办|登记|签收|受访|信访|上访)"
    r"(?:者|方|员|人员|对象|群众)"
)
_ROLE_REN = re.compile(
    r"(?<![机有无每总几多残军])[\u3400-\u9fff]人(?=$|[\s_\-0-9（(:：]|姓|名|电|手机|联|信息|编号|证|号|身份|地址|住址|住|签|微|性别|年龄|i?d)"
)
_NOT_REN = re.compile(r"(?:常住|户籍|外来|流动|暂住|残疾|成年|未成年|本地|外地|合计|平均|无|有|机器)人")
_PLACES_ZH = re.compile(
    r"(?:居民|业主|住户|租户|客户|用户|村民|市民)(?:委员会|代表大会|委员|委会|大会|小组|区|楼|点|组|之家|中心|广场|公约|会)"
    r"|居委|村委|业委"
)
_KIND_ZH = re.compile(
    r"(?:类型|类别|种类|分类|性质|级别|等级|状态|数|数量|人数|户数|总数|件数|次数|个数|占比|比例|比率|率|密度|满意度|渠道|来源|"
    r"区域|社区|街道|小区|性别|年龄|年龄段|职业|民族|标志)$|^是否"
)
_PLACE_WORDS = re.compile(
    r"(?:^|_)(?:street|road|avenue|community|communities|village|town|township|city|district|county|province|region|area"
    r"|zone|building|block|estate|quarter|neighbourhood|neighborhood|parent|cell|grid|station|school|park|place|site|shop"
    r"|store|company|unit|department|dept|office|organisation|organization|agency|committee|bureau|facility|poi|line|route"
    r"|river|bridge|location)(?:_|$)"
    r"|街道|街|道路|路名|社区|小区|村名|村庄|村$|乡镇|城市|区县|县|行政区|区域|辖区|片区|楼盘|楼栋|楼名|楼宇|建筑|大厦|单位|部门|机构|公司|企业|店名|"
    r"商户|学校|医院|公园|网格|地名|路段|站点|站名|河|桥|居委|委员会|场所|设施|线路"
)


@lru_cache(maxsize=4096)
def said_by_name(name: str) -> str | None:
    """Tell whether the name of a column says that it holds persons: `ALWAYS`, `PERHAPS` or None.

    Examples
    --------
    >>> [said_by_name(name) for name in ("投诉人姓名", "callerName", "REPORTED_BY", "tenant_id")]
    ['always', 'always', 'always', 'always']
    >>> [said_by_name(name) for name in ("租户", "residents", "Complainant")]
    ['perhaps', 'perhaps', 'perhaps']
    >>> [said_by_name(name) for name in ("居民委员会", "resident_count", "reporter_type", "count_电话")]
    [None, None, None, None]
    """
    plain = unicodedata.normalize("NFKC", name).strip()
    if plain in NOT_PERSONS or plain.lower().startswith(_COUNTS) or len(plain) > 60:
        return None
    said = [_in_chinese(plain.lower()) if _HANZI.search(plain) else None, _in_latin(words_of(plain))]
    return ALWAYS if ALWAYS in said else PERHAPS if PERHAPS in said else None


def words_of(name: str) -> list[str]:
    """Take the name of a column apart into its words, in lower case.

    Examples
    --------
    >>> words_of("callerPhoneNo"), words_of("REPORTED_BY"), words_of("Contact name 2")
    (['caller', 'phone', 'no'], ['reported', 'by'], ['contact', 'name', '2'])
    """
    return [word.lower() for word in _SPLIT.split(unicodedata.normalize("NFKC", name)) if word]


def is_place_name(name: str) -> bool:
    """Tell whether a column is named like the name of a place, a building or an office.

    Examples
    --------
    >>> [is_place_name(name) for name in ("community_name", "小区名称", "StreetName", "note")]
    [True, True, True, False]
    """
    return _PLACE_WORDS.search("_".join(words_of(name))) is not None


def _in_chinese(name: str) -> str | None:
    name = _NOT_REN.sub("", _PLACES_ZH.sub("", name))
    if _KIND_ZH.search(name.rstrip("0123456789_ ()（）")):
        return None
    if _IDENTITY_ZH.search(name) or re.search(
        r"(?:人|业主|户主|房主|车主|用户|住户|租户|客户|者|居民|村民|市民)(?:名|编号|证|号|id|的?信息)", name
    ):
        return ALWAYS
    return PERHAPS if _ROLES_ZH.search(name) or _ROLE_REN.search(name) else None


def _in_latin(words: list[str]) -> str | None:
    words = [word for word in words if not word.isdigit()]
    words = [part for word in words for part in _joined(word)]
    if not words or words[-1] in _NOT_OF_A_PERSON:
        return None
    if words == ["name"] or not _IDENTITY.isdisjoint(words) or not _PAIRS.isdisjoint(pairwise(words)):
        return ALWAYS
    for place, word in enumerate(words):
        if word in _ROLES:
            after = words[place + 1 : place + 2]
            if after and after[0] in _NOT_OF_A_PERSON:
                continue
            return ALWAYS if after and after[0] in _OF_A_PERSON else PERHAPS
    return None


def _joined(word: str) -> list[str]:
    """Take a word apart that is two written as one: callername, reportedby, mobilephone."""
    for length in range(len(word) - 2, 3, -1):
        first, rest = word[:length], word[length:]
        if (first in _ROLES or first in _IDENTITY) and (rest in _OF_A_PERSON or rest in _NOT_OF_A_PERSON):
            return [first, rest]
        if (first, rest) in _PAIRS:
            return [first, rest]
    for first in ("first", "last", "full", "home", "id", "mobile", "contact", "personal", "work"):
        if word.startswith(first) and word[len(first) :] in _IDENTITY | {"name"}:
            return [first, word[len(first) :]]
    return [word]
