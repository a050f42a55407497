"""How numbers, addresses and names of persons are written: one set of detectors for all that reads or scans."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
PROVINCES = frozenset(
    re.findall(
        r"\S+",
        "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 ",
    )
)
"""First two digits of division codes, and so of identity numbers."""

_DASHES = {ord(sign): "-" for sign in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d"}
_UNSEEN = {ord(sign): None for sign in "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"}
_SIGNS = _DASHES | _UNSEEN | {ord("・"): "·", ord("•"): "·"}

MOBILE = (
    r"(?<![0-9.])(?<![0-9][A-Za-z])(?:\(?(?:\+|00)?86\)?[ .\-]{0,2})?"
    r"(?:\(?1[3-9]\d[ .\-·_/()]{0,3}\d{4}[ .\-·_/()]{0,3}\d{4}"
    r"|1[3-9]\d[ .\-]\d{3}[ .\-]\d{5}|1[3-9]\d{2}[ .\-]\d{3}[ .\-]\d{4})"
    r"(?:\.0+)?(?![0-9A-Za-z])(?!\.\d)"
)
"""A mobile number of 11 digits, with or without its country, in groups or not, also as a decimal number ``.0``."""

LANDLINE = (
    r"(?<![0-9A-Za-z_.\-])(?:(?:\+|00)86[ \-]?)?(?:0(?:10|2\d|[3-9]\d{2})[ \-]{1,3}[2-8]\d{2,3}[ \-]?\d{4}"
    r"|\(0(?:10|2\d|[3-9]\d{2})\) ?[2-8]\d{2,3}[ \-]?\d{4})(?![0-9A-Za-z_])(?!\.\d)"
)
"""A landline with the code of its area apart."""

IDENTITY = (
    r"(?<![0-9A-Za-z_.])\d{6}[ \-]?(?:18|19|20)\d{2}[ \-]?(?:0[1-9]|1[0-2])[ \-]?(?:0[1-9]|[12]\d|3[01])[ \-]?"
    r"\d{3}[\dXx](?![0-9A-Za-z_])"
)
"""18 digits with a date of birth in the place of one."""

MAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.\w{2,}|[\w.+-]+@[\w-]+\.\w+"
PLATE = (
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Za-hj-np-z][ ·\-.]?"
    r"(?=[A-Za-z]*\d)(?:[A-HJ-NP-Za-hj-np-z0-9]{5,6}|[A-HJ-NP-Za-hj-np-z0-9]{4}[挂学警港澳领使试])(?![0-9A-Za-z])"
)
"""The plate of a car, also of an electric one (8 signs)."""

ACCOUNT = (
    r"(?i:(?:qq|微信|wechat|weixin|企鹅号|\bwx)\s?(?:(?:号码?|id)?\s?[:：=是]?\s?[1-9]\d{4,11}"
    r"|(?:号码?|id)?\s?[:：=]\s?[a-z][a-z0-9_\-]{5,19}|(?:号码?)\s?是?\s?[a-z][a-z0-9_\-]{5,19})(?![a-z0-9]))|\bwxid_\w{6,}"
)
SCIENTIFIC = r"^\s*1\.[3-9]\d{5,9}[eE]\+?10\s*$"

ABROAD = (
    r"(?<![\w.+])(?:\+(?!86)\d{1,3}[ \-.]{0,2}\(?\d{1,4}\)?(?:[ \-.]{1,2}\d{2,4}){1,4}|\([2-9]\d{2}\) ?\d{3}-\d{4})"
    r"(?![\w+])(?!\.\d)"
)
"""A number of another country in groups, or with its area in brackets."""

PERSONAL_TEXT = re.compile("|".join((MOBILE, LANDLINE, IDENTITY, MAIL)))
"""A telephone number, an identity card number (with its date of birth), an e-mail address."""

_MOBILE, _LANDLINE, _IDENTITY, _PLATE, _ACCOUNT = (
    re.compile(pattern, re.ASCII) for pattern in (MOBILE, LANDLINE, IDENTITY, PLATE, ACCOUNT)
)
_MAIL, _ABROAD = re.compile(MAIL), re.compile(ABROAD, re.ASCII)
_OLD_IDENTITY = re.compile(r"(?<![0-9A-Za-z_.])\d{15}(?![0-9A-Za-z_.])")
_SAYS_IDENTITY = re.compile(r"身份证|证件|护照|\bid\b|passport", re.IGNORECASE)

DIGITS = r"[0-9一二三四五六七八九十百零〇○]"
HOME_ZH = re.compile(
    rf"(?:{DIGITS}{{1,4}}\s?(?:号楼|号院|栋|幢|座|号|弄|单元|#)\s?){{1,4}}[\-]?(?:{DIGITS}{{1,4}}\s?(?:单元|门|层|楼)\s?)?{DIGITS}{{1,5}}\s?(?:室|号房|户室|户(?![数口籍]))"
    rf"|{DIGITS}{{1,4}}\s?(?:号楼|号院|栋|幢|座)\s?{DIGITS}{{1,4}}\s?(?:单元|门)(?!网格|格)"
    rf"|(?:\d|[A-Za-z])(?:号楼|栋|幢|座|单元)\s?\-?\d{{3,4}}(?![\d年])"
)
"""An address that leads to a door: building and unit, or room."""

STREET_ZH = re.compile(
    r"[\u4e00-\u9fff]{1,12}(?:路|街|巷|弄|胡同|大道|道|里|村|庄|园|苑|小区|新村|公寓|坊|组)\s?(?:第\s?)?"
    rf"{DIGITS}{{1,5}}\s?(?:[\-之]\s?{DIGITS}{{1,4}}\s?)?(?:号|弄)(?!网格|单元格|格|线|地块|地铁|片区|小区域|站|区|台风|文件)"
)
"""A street with the number of a house."""

STREET_EN = (
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Square|Alley|Lu|Jie|Hutong|Dadao|Xiang)"
)
ADDRESS_EN = re.compile(
    rf"(?<![\w.#\-])(?:No\.?\s?|#\s?)?\d{{1,5}}[A-Z]?(?:-\d{{1,4}})?,?\s(?:[A-Z][a-z]+\s){{1,3}}{STREET_EN}\b"
    rf"|\b(?:[A-Z][a-z]+\s){{1,3}}{STREET_EN}\.?,?\s(?:No\.?\s?|#\s?)\d{{1,5}}\b"
    r"|\b(?:Room|Rm\.?|Flat|Apt\.?|Apartment)\s?(?:No\.?\s?)?#?\d{1,4}[A-Z]?(?:-\d{1,4})?(?=\s*,\s*[A-Z0-9]|\b(?<=\d{3}))"
    r"|\b(?:Building|Bldg\.?|Unit|Block)\s?#?\d{1,4},\s?(?:Room|Rm\.?|Flat|Apt\.?|Unit|No\.?)\s?#?\d{1,5}"
)

SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔"
    "白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文温牛葛岳齐邢章俞聂焦向柳颜霍符翟殷耿关纪苗卫祝梅盛申柴宁包尤肖游左鲁路庞樊兰洪严季骆安倪"
    "付翁费单裴甄詹辛管芦褚凌边涂解阮滕靳冉晏迟卜桑桂饶甘瞿娄嵇阚臧司徐佟闫仝覃韦莫农蓝欧区凤师巩冀屈米冷古成祁卞项童舒"
)
"""Frequent Chinese surnames of one sign."""

_DOUBLE = (
    "欧阳|上官|司马|诸葛|夏侯|皇甫|尉迟|公孙|慕容|司徒|令狐|长孙|宇文|东方|南宫"
    "|西门|独孤|端木|轩辕|百里|呼延|闻人|澹台|公冶|宗政|濮阳|淳于|单于|太叔"
    "|申屠|钟离|鲜于|闾丘|司空|万俟|完颜|纳兰"
)
GIVEN = (
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂辉玲丹萍鹏华红玉兰飞梅鑫波斌莉宇浩凯珍健俊帆雪帅慧旭宁婷龙林晶欢颖佳倩阳建亮成琴畅云洁峰国柳淑春海燕晨冬荣瑞莹"
    "志兵雷东琳欣香博彬坤想芝岩杨小凤文利楠瑜花璐子梓涵轩浩然雨欣怡诺一思宸沐皓睿铭泽嘉俊悦彤琪萱馨蕊晓冰月秋夏菊莲荷蓉薇蕾菲芬芸茜菁苗茹荔莎萌婉姗娇婵媛嫣娥姣妍妮姝"
    "嫦素巧美爱珠翠雅玫瑶珊琼珂璇瑾瑛琦琰琬玥琛珏瑗景昊昌昕昱晖晔暄曦晗晴暖朗朝朋望永源清泉淼渊澜潇涵泓浩润泳洪江河湖海波沛泰浚济滨漫澄"
    "德忠义仁礼智信孝诚贤良善福禄寿喜富贵财宝金银铜铁钢铮锋锐钧铭钰锦鑫天宏宪安定家宗宝守宽容寒富寅宾宜尧岚岳峻崇嵩山川岭峥巍发生光先克全兴军冠凌力加劲劭勤勋卓南博卫卿厚双友发可"
    "召同名启吉哲唯商善喆嘉培基堂增士壮夫奇奎奕娴孟学季孔官存庆庚康廷弘张彦彪彭影德心必怀恒恩惠意慕慧成战扬承抒振捷新斯方日旺易显晋普曙曼月有来松枫林柏树栋梁森楚榕樱正毅民气"
    "沁法洲浦洵涌淇滢炎炜炳烁焕照熙煜燚爽狄献玄珑理瑄璞甜男留百益盈盼真石祖祥禹秉科程稳立竹笑筠纯纲绍维绪继绮缘翔翰耀聪胜致舒航艺节若茂荃萧蓓蓝虎虹蝶行衡西言训许诗谦谨谷豪越跃路轶辰达迅远迪逸道遥邦郁"
    "采重钦长闯阔陆隆雁雄雯霄霏霖露青靖韬韵顺领颂飒馥驰驹骁骏高魁鸣鸿鹃鹤鹭麒麟黎默鼎齐保元传伦佩依俐倚傲元兆先六冉冕凡凝凤刘利加化北千升华卉印厉原又友叶合向启周"
)
"""Signs of which most Chinese given names consist."""

PLACE_END = frozenset(
    "村庄里街路巷区镇乡县市省州园苑院楼站桥山河湖港湾城屯沟坪堡岭坡店口场厂处所队组格栋幢室号居委会局图层例度积数率值车井灯杆箱管道网类型费款门墙声音水气电火物品料"
)
_COMMON = frozenset(
    re.findall(
        r"\S+",
        "安全 安静 文明 文化 文艺 文学 成功 成立 高兴 高温 高压 高空 高中 时光 方便 方向 方法 方案 万元 常用 "
        "常规 常见 常年 常青 关心 关爱 关于 关闭 项目 向东 向阳 向上 管理 管道 管制 管线 严重 严禁 温暖 温度 "
        "平安 和平 祝福 金融 金属 金色 金桥 白色 白天 黄色 黄金 黄河 江南 江山 江苏 林业 林木 林地 石油 石化 "
        "石板 马路 马上 牛奶 田地 田间 毛发 龙头 钱财 钟表 路面 路灯 路口 路政 路边 路段 左转 游泳 游乐 包装 "
        "包子 易燃 易爆 易腐 安装 安居 安宁 康复 康乐 康乐 武装 武术 任务 任意 白杨 杨树 柳树 夏季 冬季 文件 "
        "段落 高层 高度 高级 高价 高速 于是 单位 单元 单车 师生 师范 解决 解放 成品 成人 成都 古城 古树 童装 "
        "冷库 冷链 农业 农村 农贸 农田 农民 农药 凤凰 蓝天 蓝色 米面 司机 司法 边界 边坡 边防 白云 金鼎 金星 "
        "金海 东方 盛世 安康 安泰 康泰 龙泉 龙山 文昌 文华 石材 乔木 苗木 梅花 桂花 江河 江湖 万达 万科 金地 "
        "金茂 祥和 向日 明亮 管控 管护 常住 单身 单双 单行 洪水 洪涝 雷电 雷雨 高考 高校 高峰 高铁 高龄 黎明 "
        "易碎 路政 纪律 纪检 纪委 江北 江东 江西 海南 关怀 关系 关联 程序 程度 方正 方圆 申请 申报 申诉 水利 "
        "水文 卫生 卫健 左右 温泉 范围 章程 文旅 文体 文化 文明 文玩 石桥 古玩 古建 解除 解冻 费用 边缘 区域 "
        "区民 ",
    )
)
_SURNAME = f"(?:{_DOUBLE}|[{SURNAMES}])"
NAME_FORM = (
    rf"^(?:(?:{_DOUBLE})[\u4e00-\u9fff]{{1,2}}|[{SURNAMES}][\u4e00-\u9fff]{{1,2}}"
    r"|[\u4e00-\u9fff]{1,8}·[\u4e00-\u9fff·]{1,12})$"
)
"""A surname and one or two signs, or a name with a dot in it; nothing else beside it."""

HANZI_NAME = re.compile(r"[\u4e00-\u9fff]{2,4}(?:·[\u4e00-\u9fff]{2,8})?")
LATIN_NAME = re.compile(r"[A-Z][a-z'’]{1,14}(?:[ \-][A-Z][a-z'’]{0,14}){1,3}")
_NAME_FORM, _DOUBLE_START = re.compile(NAME_FORM), re.compile(f"^(?:{_DOUBLE})")
_TITLE_ZH = re.compile(r"^([\u4e00-\u9fff]{1,3})(?:先生|女士|小姐|太太|阿姨|大爷|大妈|师傅|老师|同志|某某?)$")
_MASKED_ZH = re.compile(rf"^{_SURNAME}[*＊×xX某]{{1,2}}[\u4e00-\u9fff]?$")

_MINORITY_ZH = re.compile(
    r"^(?=[\u4e00-\u9fff]{3,8}$)[\u4e00-\u9fff]*(?:阿卜杜|阿布都|阿不都|买买提|麦麦提|吐尔逊|古丽|艾合买提|扎西|次仁|卓玛|多吉|拉姆|巴特尔"
    rf"|其其格|苏日娜|斯琴|图雅|高娃)[\u4e00-\u9fff]*(?<![{''.join(sorted(PLACE_END))}])$"
)
_ANYBODY = frozenset(("张三", "李四", "王五", "赵六"))
_INITIAL = re.compile(r"^[A-Z]\. ?(?:[A-Z]\. ?)?[A-Z][a-z]{2,}$|^[A-Z][a-z]{2,},? [A-Z]\.$")

_SYLLABLES = frozenset(
    initial + final
    for initial in ([*re.findall(r"\S+", "b p m f d t n l g k h j q x zh ch sh r z c s y w "), ""])
    for final in (
        re.findall(
            r"\S+",
            "a o e i u v ai ei ao ou an en ang eng ong er ia ie iao iu ian in iang ing iong ua uo uai ui uan un "
            "uang ue ",
        )
    )
)
_PINYIN_SURNAMES = frozenset(
    re.findall(
        r"\S+",
        "wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo liang song zheng "
        "xie han tang feng yu dong xiao cheng cao yuan deng fu shen zeng peng lu lv su jiang cai jia ding wei "
        "xue ye yan pan du dai xia zhong tian ren fan fang shi yao tan liao zou xiong jin hao kong bai cui "
        "kang mao qiu qin gu hou shao meng long wan duan lei qian tang yin yi chang qiao he lai gong wen "
        "ouyang sima shangguan zhuge ",
    )
)
_GIVEN_LATIN = frozenset(
    re.findall(
        r"\S+",
        "james john robert michael william david richard joseph "
        "thomas charles christopher daniel matthew anthony mark "
        "donald steven paul andrew joshua kenneth kevin brian george "
        "edward ronald timothy jason jeffrey ryan jacob gary nicholas "
        "eric jonathan stephen larry justin scott brandon benjamin "
        "samuel gregory frank alexander raymond patrick jack dennis "
        "jerry tyler aaron jose adam nathan henry douglas zachary "
        "peter kyle walter ethan jeremy harold keith christian roger "
        "noah gerald carl terry sean austin arthur lawrence jesse "
        "dylan bryan joe jordan billy bruce albert willie gabriel "
        "logan alan juan wayne roy ralph randy eugene vincent russell "
        "louis bobby philip phillip johnny mary patricia jennifer "
        "linda elizabeth barbara susan jessica sarah karen lisa nancy "
        "betty margaret sandra ashley kimberly emily donna michelle "
        "carol amanda dorothy melissa deborah stephanie rebecca "
        "sharon laura cynthia kathleen amy angela shirley anna brenda "
        "pamela emma nicole helen samantha katherine christine debra "
        "rachel carolyn janet catherine maria heather diane ruth "
        "julie olivia joyce virginia victoria kelly lauren christina "
        "joan evelyn judith megan andrea cheryl hannah jacqueline "
        "martha gloria teresa ann sara madison frances kathryn janice "
        "jean abigail alice julia judy sophia grace denise amber "
        "doris marilyn danielle beverly isabella theresa diana "
        "natalie brittany charlotte marie kayla alexis lori jane "
        "oliver harry charlie oscar leo archie theo simon martin "
        "stuart graham ian nigel colin neil craig lucy chloe ella mia "
        "amelia isla ava lily sophie ruby tom tim ben sam max luke "
        "liam owen hugo otto hans klaus jürgen wolfgang pierre jean "
        "luc marco paolo luca giulia carlos luis miguel pedro sofia "
        "ivan dmitri sergei olga natasha ahmed mohamed mohammed "
        "muhammad ali hassan fatima aisha omar yusuf priya raj amit "
        "rahul sanjay ravi anita sunita kenji yuki hiroshi kim fiona "
        "claire alan jill bob ada alfred bernard clara edith ernest "
        "esther eva ellen hugh irene ivy joan josie kate ken leon "
        "lena mabel nina nora paul rosa rose ross ted tina tony vera "
        "victor zoe greg jim mike steve dave dan nick matt chris alex ",
    )
)
_NO_NAME_LATIN = frozenset(
    re.findall(
        r"\S+",
        "street st road rd avenue ave lane drive court square park garden gardens village town city community "
        "district county house hall school church hospital station bridge river lake hill centre center "
        "market building block estate quarter plaza tower mansion north south east west new old upper lower "
        "grand central main noise light lights waste water illegal parking street public traffic blocked "
        "broken damage damaged fire gas power lu jie xiaoqu shequ cun dadao hutong xiang zhen shi qu xian "
        "sheng company ltd inc co office department service services shop store hotel group service repair of "
        "the and in on at for to ",
    )
)
_LATIN_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?\.?")
LATIN_FORM = r"^[A-Za-zÀ-ɏЀ-ӿ][A-Za-zÀ-ɏЀ-ӿ'’.\-]*(?:,?[ \-]+[A-Za-zÀ-ɏЀ-ӿ][A-Za-zÀ-ɏЀ-ӿ'’.\-]*){1,3}$"
"""Two to four words of letters."""


def normal(text: str) -> str:
    """Write full-width signs, all kinds of dashes and blanks in their plain form, and leave out what is not seen.

    Examples
    --------
    >>> normal("１３８\u00a01234\u20115678")
    '138 1234-5678'
    """
    return unicodedata.normalize("NFKC", text).translate(_SIGNS)


def is_id_number(written: str) -> bool:
    """Tell whether 18 digits are a resident identity number: a true date of birth and the right check digit.

    Examples
    --------
    >>> is_id_number("11010519491231002X"), is_id_number("110105194912310021"), is_id_number("990101001001001123")
    (True, False, False)
    """
    digits = re.sub(r"[ \-]", "", written).upper()
    if not _has_birth(digits) or not digits.isascii():
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == digits[17]


def _has_birth(digits: str) -> bool:
    """Whether 18 digits have a date of birth in its place."""
    if len(digits) != 18 or not digits[:17].isdigit():
        return False
    try:
        born = date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    return 1850 <= born.year <= 2100


def is_old_id_number(digits: str) -> bool:
    """Tell whether 15 digits are an identity number of the old form; codes of cells of 15 digits are none.

    Examples
    --------
    >>> is_old_id_number("110105491231002"), is_old_id_number("140402001001001"), is_old_id_number("990101601231001")
    (True, False, False)
    """
    if len(digits) != 15 or not digits.isdigit() or digits[:2] not in PROVINCES or int(digits[6:8]) < 20:
        return False
    try:
        date(1900 + int(digits[6:8]), int(digits[8:10]), int(digits[10:12]))
    except ValueError:
        return False
    return True


_DIVISION = re.compile(
    r"(?:13(?:0[1-9]|1[0-3])|14(?:0[1-9]|1[01])|15(?:0[1-9]|2[259]))(?:0[0-9]|[1-4]\d|7[0-9]|8[0-9]|9[0-9])"
)


def may_be_division(digits: str) -> bool:
    """Tell whether 11 digits begin as codes of Hebei, Shanxi and Inner Mongolia do: province, prefecture, county.

    Examples
    --------
    >>> may_be_division("13010200100"), may_be_division("14040200100"), may_be_division("13812345678")
    (True, True, False)
    """
    return len(digits) == 11 and _DIVISION.match(digits) is not None


def is_name(value: str) -> bool:
    """Tell whether a text is written as the name of a person is: a frequent surname first, or two words of Latin.

    Examples
    --------
    >>> is_name("王芳"), is_name("王家村"), is_name("Wang Fang"), is_name("viewport")
    (True, False, True, False)
    """
    if HANZI_NAME.fullmatch(value):
        begins = value[0] in SURNAMES or _DOUBLE_START.match(value) is not None
        return "·" in value or (begins and value[-1] not in PLACE_END and value not in _COMMON)
    return LATIN_NAME.fullmatch(value) is not None


_NUMBERED, _ADDED = re.compile(r"^(?:\d{1,4}[.、)] ?)+"), re.compile(r"\s*\([^()]{1,10}\)$")
_AND, _BLANK = re.compile(r"\s*[、,;/&]\s*"), re.compile(r"(?<=[\u4e00-\u9fff]) +(?=[\u4e00-\u9fff])")


def bare_names(value: str) -> list[str]:
    """Give the names in a text without numbers before, words in brackets after, and blanks between their signs.

    Examples
    --------
    >>> bare_names("1. 王 芳(户主)"), bare_names("王芳、李娜"), bare_names("Smith, John")
    (['王芳'], ['王芳', '李娜'], ['Smith, John'])
    """
    bare = _BLANK.sub("", _ADDED.sub("", _NUMBERED.sub("", value)).strip())
    names = _AND.split(bare)
    return names if all(HANZI_NAME.fullmatch(name) for name in names) else [bare]


_PLACE_FORM = re.compile("^(?:.家[山岭泉湖洲林行河沟坡坪湾洼峪峰崖墩圩塘嘴滩坳冲垸]|东方.|..[路岭街巷湖])$")
"""The hill, spring or wood of a family, and roads: names of places though a surname begins them."""


def is_likely_name(value: str) -> bool:
    """Tell whether a text is most likely the name of a person, without anything said beside it.

    Examples
    --------
    >>> [is_likely_name(name) for name in ("王芳", "欧阳娜娜", "张先生", "Wang Fang", "Smith, John", "阿依古丽·买买提")]
    [True, True, True, True, True, True]
    >>> [is_likely_name(name) for name in ("安全", "金属", "高空抛物", "Street Light", "Xingfu Community", "王家岭")]
    [False, False, False, False, False, False]
    """
    if title := _TITLE_ZH.match(value):
        return title[1][0] in SURNAMES or _DOUBLE_START.match(title[1]) is not None
    if _MASKED_ZH.match(value) or _MINORITY_ZH.match(value) or value in _ANYBODY:
        return True
    if _PLACE_FORM.match(value):
        return False
    if _NAME_FORM.match(value):
        given = value[2:] if _DOUBLE_START.match(value) and len(value) > 2 else value[1:]
        return "·" in value or (value not in _COMMON and given not in _COMMON and all(sign in GIVEN for sign in given))
    return _is_likely_latin(value)


_SURELY_GIVEN = frozenset("芳伟娜秀英敏丽强磊勇艳杰娟涛超霞刚辉玲萍鹏鑫斌莉珍俊帆帅慧婷颖佳倩琴洁淑燕莹琳彬琪军")


def person_names(categories: Sequence[str]) -> list[str]:
    """Give those categories that are names of persons; those that may be places only where nearly all may be names.

    Examples
    --------
    >>> person_names(["噪音", "王芳", "占道"]), person_names(["杨浦", "徐汇", "静安"]), person_names(["安全", "白色"])
    (['王芳'], [], [])
    """
    bare = {text: bare_names(normal(text).strip()) for text in categories}
    likely = [text for text, names in bare.items() if names and all(map(is_likely_name, names))]
    if len(bare) >= 4 and len(likely) >= 0.8 * len(bare):
        return likely
    return [
        text
        for text in likely
        if len(bare[text][0]) != 2 or bare[text][0][-1] in _SURELY_GIVEN or bare[text][0] in _ANYBODY
    ]


def is_name_form(value: str) -> bool:
    """Tell whether a text has the form of a name: a surname and one or two signs that end no name of a place.

    Examples
    --------
    >>> is_name_form("王芿"), is_name_form("王村"), is_name_form("噪音")
    (True, False, False)
    """
    if _NAME_FORM.match(value):
        return "·" in value or (value not in _COMMON and value[-1] not in PLACE_END)
    return is_likely_name(value) or _is_latin_form(value)


def _latin_words(value: str) -> list[str]:
    words = [word.rstrip(".").casefold() for word in _LATIN_WORD.findall(value)]
    return [word for word in words if word not in ("mr", "mrs", "ms", "miss", "dr", "prof")]


def _is_latin_form(value: str) -> bool:
    """Whether a text is two to four words that begin with capitals, none of which names a place or a trouble."""
    words, written = _latin_words(value), _LATIN_WORD.findall(value)
    if not 1 < len(words) <= 4 or not _NO_NAME_LATIN.isdisjoint(words) or any(sign.isdigit() for sign in value):
        return False
    return all(word[0].isupper() for word in (written[0], written[-1]))


def _is_likely_latin(value: str) -> bool:
    if not _is_latin_form(value):
        return False
    words = _latin_words(value)
    ends = (words[0], words[-1])
    if _INITIAL.match(value) or any(word in _GIVEN_LATIN for word in ends):
        return True
    pinyin = all(_is_pinyin(word) for word in words)
    return pinyin and any(word in _PINYIN_SURNAMES for word in ends)


def _is_pinyin(word: str) -> bool:
    if word in _SYLLABLES or word in _PINYIN_SURNAMES:
        return True
    return any(word[:cut] in _SYLLABLES and word[cut:] in _SYLLABLES for cut in range(1, len(word)))


def personal_number(text: str) -> str | None:
    """Give what stands in a text that is the number or account of a person, as it is written; None where there is none.

    Examples
    --------
    >>> [personal_number(text) for text in ("call 138-1234-5678", "113.13812345678", "13812345678.0", "车 晋E12345")]
    ['138-1234-5678', None, '13812345678.0', '晋E12345']
    >>> personal_number("0356-2345678"), personal_number("QQ:12345678"), personal_number("14040200100")
    ('0356-2345678', 'QQ:12345678', None)
    """
    plain = normal(text)
    for found in _MOBILE.finditer(plain):
        digits = re.sub(r"\D|\.0+$", "", found[0])
        if not (found[0] == plain.strip() and may_be_division(digits)):
            return found[0]
    for pattern in (_LANDLINE, _MAIL, _PLATE, _ACCOUNT):
        if said := pattern.search(plain):
            return said[0]
    for said in _ABROAD.finditer(plain):
        if sum(sign.isdigit() for sign in said[0]) >= 9:
            return said[0]
    numbers = [found[0] for found in _IDENTITY.finditer(plain) if _has_birth(re.sub(r"[ \-]", "", found[0]).upper())]
    if _SAYS_IDENTITY.search(plain):
        numbers += [found[0] for found in _OLD_IDENTITY.finditer(plain) if is_old_id_number(found[0])]
    if re.match(SCIENTIFIC, plain) and 1.3e10 <= float(plain) < 2e10:
        numbers.append(plain)
    return numbers[0] if numbers else None
