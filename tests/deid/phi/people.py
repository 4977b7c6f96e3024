"""Patients who do not exist, of many places and scripts."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Person:
    """One patient and who sent them; `family` and `given` are as a text would write them."""

    name: str
    family: str
    given: str
    patient_id: str
    birth: str
    phone: str
    mail: str
    street: str
    referring: str
    accession: str
    charset: str | list[str]
    hospital: str = "Sankt Hedwig Klinikum Lindental"

    @property
    def key(self) -> str:
        return self.patient_id.lower()


PEOPLE = (
    Person("Müllerbach^Jürgen^Karl^Dr.", "Müllerbach", "Jürgen", "GEN-482137", "19570314",
           "+49 171 5550 1234", "j.muellerbach@example.org", "Lindenstraße 17, Altenhausen",
           "Weißenfels^Adelheid", "A26-771204", "ISO_IR 100"),
    Person("O'Connaught-Smythe^Siobhán", "O'Connaught-Smythe", "Siobhán", "77120934", "19880229",
           "(555) 214-9981", "siobhan@example.com", "12 Harbour Rd., Killybegs",
           "Featherstone^Quentin", "ACC0099812", "ISO_IR 100"),
    Person("Yamadera^Taroemon=山寺^太郎衛=やまでら^たろうえ", "Yamadera", "Taroemon", "JP-2210045",
           "19440808", "03-5550-7766", "taro@example.jp", "2-11-9 Nagamachi", "Kobayakawa^Reiko",
           "J26-00091", ["", "ISO 2022 IR 87"]),
    Person("Hongdae^Gildongsu=洪大^吉洞秀=홍대^길동수", "Hongdae", "Gildongsu", "KR-9001237", "19900123",
           "02-5550-4321", "gildong@example.kr", "17 Sejongdaero, Junggu", "Baekhyeon^Sooyeon",
           "K26-31337", ["", "ISO 2022 IR 149"]),
    Person("Wangfei^XiaoDongming=王妃^小东明", "Wangfei", "XiaoDongming", "CN-55501298", "19721111",
           "010-5550-1299", "xdm@example.cn", "88 Chang'an Dong Lu", "Zhaoyang^Meilin", "C26-9917",
           "GB18030"),
    Person("Кузнецовская^Ольгерда", "Кузнецовская", "Ольгерда", "RU-1234509", "19630505",
           "+7 495 555-01-99", "olga@example.ru", "ул. Садовая 5", "Брянцева^Лидия", "R26-4411",
           "ISO_IR 144"),
    Person("Παπαδοπουλάκης^Διονύσιος", "Παπαδοπουλάκης", "Διονύσιος", "GR-771265", "19501231",
           "+30 21 0555 0188", "dion@example.gr", "Οδός Ερμού 12", "Καραγιάννης^Σπύρος", "G26-1180",
           "ISO_IR 126"),
    Person("قبانيان^لنزارد", "قبانيان", "لنزارد", "SY-300712", "19810716", "+963 11 5550 123",
           "nizar@example.sy", "شارع بغداد 9", "الحسيني^سعاد", "S26-2231", "ISO_IR 127"),
    Person("שרונוביץ^דבורהלה", "שרונוביץ", "דבורהלה", "IL-8812004", "19990909", "+972 2 555 0144",
           "dvora@example.il", "רחוב יפו 44", "לוינסון^יעקב", "I26-6655", "ISO_IR 138"),
    Person("Nguyễnhoàng^Thịminhkhai", "Nguyễnhoàng", "Thịminhkhai", "VN-0099123", "19760430",
           "+84 24 5550 8890", "khai@example.vn", "36 Phố Hàng Đào", "Trầnquốc^Bảolong", "V26-7070",
           "ISO_IR 192"),
    Person("Łukasiewiczak^Zbigniewa", "Łukasiewiczak", "Zbigniewa", "PL-6602147", "19660214",
           "+48 22 555 01 77", "zbigniewa@example.pl", "ul. Źródlana 3", "Szczepańska^Grażyna",
           "P26-5150", "ISO_IR 101"),
    Person("Garcíalonso Marquezal^José María", "Garcíalonso", "José", "ES-417788X", "19550601",
           "+34 91 555 01 42", "jmgarcia@example.es", "Calle de Alcalá 200", "Echeverríaga^Begoña",
           "E26-3003", "ISO_IR 100"),
)  # fmt: skip
