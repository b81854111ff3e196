"""The demo's shelves: about sixty items in six categories, in English and Chinese, drawn by us.

A price is in cents or points; a mix is (full cents, least, most, step).
"""

from typing import Any

from msgspec import Struct, field

CATEGORIES: dict[str, tuple[str, str]] = {
    "table": ("Home and table", "家居餐厨"),
    "tea": ("Tea and coffee", "茶与咖啡"),
    "desk": ("Desk and paper", "文具书桌"),
    "outdoors": ("Garden and outdoors", "园艺户外"),
    "tech": ("Tech and sound", "数码影音"),
    "tickets": ("Tickets and vouchers", "票券"),
}


class Goods(Struct, frozen=True):
    """One item of the demo. `more` are further details of a product, such as buy_rank."""

    category: str
    art: str
    title: tuple[str, str]
    summary: tuple[str, str]
    cash: int = 0
    points: int = 0
    mix: tuple[int, int, int, int] | None = None
    was: int = 0
    stock: int = 60
    kind: str = "goods"
    delivery: str = "shipped"
    variants: tuple[tuple[str, str], ...] = ()
    more: dict[str, Any] = field(default_factory=dict)


def _goods(category: str, art: str, en: str, zh: str, en_more: str, zh_more: str, **figures: Any) -> Goods:
    return Goods(category, f"{art}.svg", (en, zh), (en_more, zh_more), **figures)


GLAZES = (("Celadon", "青瓷"), ("Ash white", "灰白"), ("Tenmoku", "天目"))
LIMITED = {"limit_per_member": 2, "limit_days": 90}

SHELVES: tuple[Goods, ...] = (
    # Home and table
    _goods("table", "mug-celadon", "Stoneware mugs, pair", "粗陶马克杯，一对", "Reactive glaze, 320 ml. No two alike.",
           "窑变釉，320 毫升，每只皆不同。", cash=1590, points=1590, mix=(1590, 600, 1500, 100), variants=GLAZES, stock=90),
    _goods("table", "bowl-celadon", "Noodle bowl with chopsticks", "面碗配筷", "Deep bowl, two rests for chopsticks.",
           "深口碗，附筷枕。", cash=1890, points=1900),
    _goods("table", "bowl-cobalt", "Cobalt rice bowls, four", "钴蓝饭碗，四只", "Hand-dipped rims, safe in the dishwasher.",
           "手工浸釉，可用洗碗机。", cash=3200, mix=(3200, 1000, 2800, 200)),
    _goods("table", "board-sand", "Beech chopping board", "榉木砧板", "One piece, oiled, 38 cm.", "整木，上油，38 厘米。",
           cash=2900),
    _goods("table", "candle-ivory", "Beeswax candle", "蜂蜡蜡烛", "Burns forty hours.", "可燃四十小时。", cash=1450, points=1450),
    _goods("table", "candle-rose", "Rose and fig candle", "玫瑰无花果蜡烛", "Soy wax in a reusable glass.", "大豆蜡，杯可再用。",
           points=1200, kind="gift"),
    _goods("table", "cushion-mustard", "Linen cushion", "亚麻靠垫", "Feather-filled, 45 cm.", "羽毛填充，45 厘米。", cash=3900, was=4900),
    _goods("table", "cushion-sky", "Sky linen cushion", "天蓝亚麻靠垫", "Feather-filled, 45 cm.", "羽毛填充，45 厘米。", cash=3900),
    _goods("table", "throw-oxblood", "Merino throw, ombré", "美利奴渐变盖毯", "Woven in one piece, 130 × 180 cm.",
           "整幅织成，130 × 180 厘米。", mix=(4800, 3600, 3600, 100), more={"buy_rank": 4}, stock=25),
    _goods("table", "throw-pine", "Wool throw, pine", "羊毛盖毯，松绿", "Recycled wool, washable.", "再生羊毛，可水洗。", cash=6400),
    _goods("table", "vase-celadon", "Plum vase", "梅瓶", "Thrown by hand in one sitting.", "一次手拉成型。", cash=5200, points=5200,
           more={"buy_rank": 3}, stock=30),
    _goods("table", "apron-slate", "Waxed apron", "蜡布围裙", "Cross-back, two pockets.", "交叉背带，两个口袋。", cash=3400),
    # Tea and coffee
    _goods("tea", "tea-cobalt", "Spring sencha, 100 g", "春煎茶，100 克", "First picking, steamed.", "头采蒸青。", cash=1200, points=1200),
    _goods("tea", "tea-pine", "Longjing, 50 g", "龙井，50 克", "Pan-fired before the rains.", "雨前炒青。", cash=1800, points=1800),
    _goods("tea", "tea-oxblood", "Aged pu-erh, 100 g", "陈年普洱，100 克", "Ten years in a dry cellar.", "干仓十年。", cash=2600,
           mix=(2600, 800, 2400, 200)),
    _goods("tea", "teapot-porcelain", "Blue-and-white teapot", "青花茶壶", "Painted by two hands in Jingdezhen.",
           "景德镇两位匠人合绘。", points=4800, kind="gift", more={"buy_rank": 4} | LIMITED, stock=20),
    _goods("tea", "teapot-celadon", "Celadon teapot", "青瓷茶壶", "For two cups, with a strainer.", "两杯量，带滤网。", cash=4200,
           points=4200),
    _goods("tea", "kettle-pine", "Gooseneck kettle", "细口水壶", "One litre, for any stove.", "一升，适用各种炉灶。", cash=5600, was=6400),
    _goods("tea", "dripper-ivory", "Pour-over dripper", "手冲滤杯", "Ridged porcelain, two cups.", "瓷质导流纹，两杯量。", cash=1900,
           points=1900),
    _goods("tea", "whisk-pine", "Bamboo tea whisk", "竹茶筅", "Eighty tines, split from one piece.", "八十本立，一竹剖成。", cash=1600,
           points=1600),
    _goods("tea", "mug-tenmoku", "Tenmoku tea bowl", "天目茶碗", "Iron glaze, hare's fur.", "铁釉兔毫。", cash=3800,
           more={"buy_rank": 3}),
    _goods("tea", "honey-mustard", "Acacia honey, 500 g", "洋槐蜜，500 克", "From one valley.", "单一山谷所产。", cash=1100, points=1100),
    _goods("tea", "chocolate-oxblood", "Dark chocolate, three bars", "黑巧克力，三块", "72 percent, stone-ground.",
           "含可可 72%，石磨。", cash=1350, points=1350),
    _goods("tea", "spice-terracotta", "Spice tins, set of four", "香料罐，四件", "Star anise, cassia, pepper, fennel.",
           "八角、桂皮、花椒、小茴香。", cash=2200),
    # Desk and paper
    _goods("desk", "notebook-mustard", "Field notebooks, set of 3", "随身笔记本，三本", "Stitched, lies flat.", "线装，可平摊。",
           points=800, cash=800),
    _goods("desk", "notebook-oxblood", "Bound diary", "精装日记本", "A page a day, no dates.", "一日一页，无日期。", cash=2100, points=2100),
    _goods("desk", "sketchbook-moss", "Sketchbook A4", "A4 速写本", "120 g, takes ink.", "120 克，可用墨水。", cash=1700),
    _goods("desk", "pen-cobalt", "Fountain pen", "钢笔", "Steel nib, fine.", "钢尖，细。", cash=4500, mix=(4500, 1500, 4000, 500)),
    _goods("desk", "pencils-celadon", "Drawing pencils, twelve", "绘图铅笔，十二支", "From 4H to 6B.", "4H 至 6B。", cash=1500, points=1500),
    _goods("desk", "calendar-pine", "Desk calendar", "台历", "With the moon and the solar terms.", "附月相与节气。", points=600,
           kind="gift"),
    _goods("desk", "calendar-persimmon", "Perpetual calendar", "万年历", "Wooden blocks, for good.", "木块，年年可用。", cash=2400),
    _goods("desk", "clock-pine", "Alarm clock", "闹钟", "Silent until it is time.", "静音走时。", cash=3300, points=3300),
    _goods("desk", "lamp-pine", "Balance desk lamp", "平衡台灯", "Warm light, dims by touch.", "暖光，触摸调光。", points=5200,
           mix=(5200, 3000, 5000, 500), more={"buy_rank": 4}, stock=0),
    _goods("desk", "lamp-mustard", "Workshop lamp", "工作灯", "Long arm, clamps to the table.", "长臂，夹桌。", cash=6900),
    # Garden and outdoors
    _goods("outdoors", "plant-terracotta", "Pothos in terracotta", "绿萝陶盆", "Forgives a forgotten week.", "忘浇一周也无妨。",
           cash=2400),
    _goods("outdoors", "plant-cobalt", "Snake plant", "虎尾兰", "In a glazed pot, 40 cm.", "釉盆，40 厘米。", cash=3100),
    _goods("outdoors", "can-mustard", "Watering can", "浇水壶", "Two litres, long spout.", "两升，长嘴。", cash=2300, points=2300),
    _goods("outdoors", "seeds-rose", "Cottage garden seeds", "庭园花种", "Seven kinds, sow in spring.", "七种，春播。", points=350,
           kind="gift", stock=200),
    _goods("outdoors", "seeds-plum", "Herb seeds", "香草种子", "Basil, thyme, mint, chives.", "罗勒、百里香、薄荷、香葱。", cash=450,
           points=450, stock=200),
    _goods("outdoors", "trowel-moss", "Trowel and gloves", "花铲与手套", "Ash handle, leather palms.", "白蜡木柄，皮掌。", cash=2700),
    _goods("outdoors", "umbrella-persimmon", "Storm umbrella", "抗风雨伞", "Keeps its shape at 90 km/h.", "时速 90 公里不翻。", cash=2600,
           points=2000, mix=(2600, 1400, 2000, 200), stock=14),
    _goods("outdoors", "lantern-oxblood", "Camping lantern", "露营灯", "Charges by sun or cable.", "太阳能与线充。", cash=3700),
    _goods("outdoors", "tent-mustard", "Two-person tent", "双人帐篷", "Up in five minutes, 1.9 kg.", "五分钟搭好，1.9 公斤。", cash=18900,
           mix=(18900, 3000, 15000, 1000), stock=18),
    _goods("outdoors", "backpack-moss", "Day pack, 18 l", "日用双肩包，18 升", "Waxed canvas, padded back.", "蜡布，背垫。", cash=7800,
           variants=(("Moss", "苔绿"), ("Cobalt", "钴蓝"))),
    _goods("outdoors", "tote-sand", "Waxed canvas tote", "蜡布托特包", "Holds a week's shopping.", "装得下一周的采购。", cash=2400,
           points=2100, stock=3),
    _goods("outdoors", "bottle-sky", "Insulated bottle", "保温瓶", "Hot for twelve hours.", "保温十二小时。", cash=2900, points=2900),
    _goods("outdoors", "bell-gold", "Bicycle bell", "自行车铃", "Brass, one clear note.", "黄铜，一声清响。", cash=1300, points=1300),
    _goods("outdoors", "scarf-oxblood", "Lambswool scarf", "羊羔毛围巾", "Woven in the Borders.", "边境织造。", cash=4400),
    # Tech and sound
    _goods("tech", "phones-gold", "Studio headphones", "录音室耳机", "Open-backed, for long evenings.", "开放式，久戴不累。", points=18000,
           kind="gift", more={"buy_rank": 5}, stock=20),
    _goods("tech", "phones-silver", "Travel headphones", "旅行耳机", "Thirty hours, quiet on trains.", "续航三十小时，降噪。", cash=14900,
           mix=(14900, 2000, 10000, 1000)),
    _goods("tech", "earbuds-slate", "Earbuds", "真无线耳机", "Six hours and a case.", "六小时，附充电盒。", cash=7900),
    _goods("tech", "speaker-rose", "Wireless speaker", "无线音箱", "Fills a kitchen.", "一间厨房的音量。", cash=8900, was=9900),
    _goods("tech", "radio-terracotta", "Table radio", "台式收音机", "Two knobs and a dial.", "两个旋钮，一个刻度盘。", cash=11900,
           more={"buy_rank": 3}),
    _goods("tech", "keyboard-ivory", "Mechanical keyboard", "机械键盘", "Quiet switches, 75 percent.", "静音轴，75 配列。", cash=12900),
    _goods("tech", "charger-celadon", "Charging stand", "充电支架", "For phone and watch.", "手机手表同充。", cash=4600, points=4600),
    _goods("tech", "charger-plum", "Travel charger", "旅行充电器", "65 W, four plugs.", "65 瓦，四种插头。", cash=3900),
    # Tickets and vouchers
    _goods("tickets", "coffee-kraft", "$5 coffee voucher", "5 美元咖啡券", "At Corner Roast, sent at once.", "街角烘焙，即时发放。",
           points=450, kind="gift", delivery="digital", stock=400),
    _goods("tickets", "cinema-gold", "Cinema tickets, pair", "电影票，两张", "Any film, any evening.", "任意影片，任意场次。", points=2400,
           cash=2400, kind="code", delivery="digital", stock=60),
    _goods("tickets", "museum-plum", "Museum day pass", "博物馆一日票", "All five houses.", "五馆通用。", points=1500, kind="gift",
           delivery="digital", stock=150),
    _goods("tickets", "train-cobalt", "Day trip by train", "火车一日游", "Any line, weekends.", "任意线路，周末可用。", points=3900,
           kind="gift", delivery="digital", stock=60, more=LIMITED),
    _goods("tickets", "giftcard-plum", "Bookshop gift card", "书店礼品卡", "25.00, for any shelf.", "25.00，不限书架。", cash=2500,
           points=2500, kind="code", delivery="digital", stock=40),
    _goods("tickets", "museum-pine", "Botanic garden, two", "植物园，两张", "With the glasshouses.", "含温室。", points=1800, cash=1800,
           delivery="digital", stock=90),
)  # fmt: skip

# It comes on the shelf when the year is over: before, there were no coupons.
VOUCHER = _goods("tickets", "coupon-persimmon", "$10 off coupon", "10 美元优惠券", "Off what you pay in cash from $60, for 30 days.",
                 "现金满 60 可用，有效 30 天。", points=800, kind="coupon", delivery="digital", stock=500)  # fmt: skip
PLAN = _goods("tickets", "giftcard-pine", "VIP for a year", "一年贵宾会员", "Every benefit of VIP from today, for 12 months.",
              "即日起享受贵宾全部权益，为期 12 个月。", cash=7_900, points=12_000, kind="membership", delivery="digital", stock=500,
              more={"plan_level": "vip", "plan_length": 12, "plan_unit": "months"})  # fmt: skip
PACK = _goods("tickets", "coupon-pine", "Spring pack of coupons", "春日优惠券礼包", "Four coupons that are worth more together.",
              "四张优惠券，合在一起更划算。", points=1_500, kind="coupon", delivery="digital", stock=200)  # fmt: skip
