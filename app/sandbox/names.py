"""Names of seeded customers: plain ones, non-Latin ones, and ones that attack pages."""

PLAIN = (
    "Ann Bauer",
    "Bjørn Ødegård",
    "Chloé Lefèvre",
    "Dmitri Volkov",
    "Emily O'Hara",
    "Fatima al-Sayed",
    "Giovanni D'Angelo",
    "Hanna Müller-Lüdenscheidt",
    "Inés Núñez",
    "Jack Smith",
    "Kwame Mensah",
    "Liam Murphy",
    "María José Carreño",
    "Nguyễn Thị Minh",
    "Oluwaseun Adeyemi",
    "Priya Raghunathan",
    "Quentin Dubois",
    "Rosa Silva",
    "Søren Kjær",
    "Tomasz Wiśniewski",
    "Uma Krishnan",
    "Viktor Novák",
    "Willem van der Berg",
    "Xavier Rodríguez",
    "Yusuf Şahin",
    "Zoë Papadopoulou",
)
NON_LATIN = (
    "山田 太郎",
    "王小明",
    "김민준",
    "Алексей Иванов",
    "محمد عبد الله",
    "דוד כהן",
    "Γιώργος Παπαδόπουλος",
    "สมชาย ใจดี",
    "अमित शर्मा",
    "გიორგი ბერიძე",
)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("http://example.com","pay")',
    "Robert'); DROP TABLE customers;--",
    "{{7*7}} ${7*7}",
    "\u202egnp.exe",
    "A" * 300,
    "🧨🧨 Zero\u200bWidth",
)
SURNAMES = [
    "Abbott",
    "Becker",
    "Costa",
    "Dahl",
    "Evans",
    "Ferrari",
    "Garcia",
    "Hansen",
    "Ito",
    "Jensen",
    "Kowalski",
    "Larsen",
    "Moreau",
    "Nowak",
    "Olsen",
    "Peeters",
    "Quinn",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ueda",
    "Vargas",
    "Weber",
    "Yilmaz",
]
GIVEN = [
    "Ada",
    "Ben",
    "Cleo",
    "Dan",
    "Eva",
    "Finn",
    "Gia",
    "Hugo",
    "Ida",
    "Jon",
    "Kira",
    "Leo",
    "Mia",
    "Nils",
    "Ona",
    "Pau",
    "Rita",
    "Sam",
    "Tess",
    "Udo",
    "Vera",
    "Wim",
    "Yara",
    "Zac",
]


def name_of(number: int) -> str:
    """Return the name of the seeded customer with this number, from 0 on."""
    if number % 10 == 7:
        return NON_LATIN[number // 10 % len(NON_LATIN)]
    if number % 25 == 13:
        return HOSTILE[number // 25 % len(HOSTILE)]
    if number < len(PLAIN):
        return PLAIN[number]
    given, surname = GIVEN[number % len(GIVEN)], SURNAMES[number * 7 % len(SURNAMES)]
    return f"{given} {surname}"


def email_of(number: int) -> str:
    return f"customer{number}@example.com"
