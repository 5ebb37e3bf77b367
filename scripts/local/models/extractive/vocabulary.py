"""Words that carry no meaning of their own in a question: fillers, words of asking, words of time."""

MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split(" "))


COMMON = _words(
    "a an the and or of to in on at for from with about by is are was were be been do does did has have had",
    "i me my mine you your we us our they them their he she his her it its this that these those",
    "what who whom whose when where which why how any some all there here not no yes",
    "can could would should will shall may might please tell show give find",
    "mail mails email emails message messages write wrote written say said says ask asked asks send sent told",
    "anything something thing things last latest recent new next regarding concerning mention mentioned",
)
ASKING = _words(
    "meeting meetings call calls event events appointment appointments talk session start starts begin time",
    "take place takes happen held look like answer reply respond wait waiting free busy available many much",
    "attend attends attending coming come comes invited",
    "need needs needed want wants must ought supposed have got get go going be being do doing done make sure let",
    "know think see hear heard back still yet already ever just now soon currently again also even only else",
    "first earliest last final long length duration minutes hours happen happens happening scheduled due",
    "prepare preparing prep brief briefing ready background before after remind please help quick quickly",
    "anybody anyone somebody someone everybody everyone nobody people person most more less other others",
    "meet meets seeing speak speaking spend spending where which into out up down off over through",
    "open pending outstanding unanswered answered replied response responses reply replies word",
    "schedule calendar agenda plan plans planned room place places somewhere anywhere left question questions",
)
TIME = _words(
    "today tomorrow yesterday tonight week weekend day days after before between until this last am pm",
    "morning afternoon evening",
) | {*WEEKDAYS, *MONTHS}
