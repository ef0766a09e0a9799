"""The data elements of `switch/core/fields.py`, as compiled rules read them: a test holds the two together."""


cdef enum:
    PAN = 2
    PROCESSING_CODE = 3
    AMOUNT = 4
    TRANSMITTED = 7
    STAN = 11
    LOCAL_TIME = 12
    LOCAL_DATE = 13
    EXPIRY = 14
    BUSINESS_DATE = 15
    CONVERSION_DATE = 16
    CAPTURE_DATE = 17
    CONDITION = 25
    ACQUIRER = 32
    TRACK2 = 35
    RRN = 37
    APPROVAL = 38
    RESPONSE = 39
    TERMINAL = 41
    MERCHANT = 42
    PRIVATE = 48
    CURRENCY = 49
    SETTLEMENT_CURRENCY = 50
    PIN_BLOCK = 52
    AMOUNTS = 54
    SETTLEMENT_CODE = 66
    NETWORK_CODE = 70
    ORIGINAL = 90
    FILE_UPDATE = 91
    REPLACEMENT = 95
    FILE_NAME = 101
