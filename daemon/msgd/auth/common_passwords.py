"""The passwords that guessing starts with: those of the public lists that are long enough to be accepted otherwise."""

_LIST = """
00000000 01234567 0123456789 10203040 11111111 111111111 1111111111 11223344 112233445566 12121212 123123123
12341234 1234512345 12344321 12345678 123456789 1234567890 12345678910 1234567891 123456abc 1234abcd 1234qwer
123abc123 123qweasd 123qweasdzxc 147258369 159357456 18436572 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx
1qaz2wsx3edc 1qazxsw2 20202020 21212121 22222222 31415926 33333333 44444444 55555555 55667788 66666666 69696969
77777777 87654321 88888888 987654321 9876543210 99999999 a1234567 a12345678 a123456789 aa123456 aa12345678
aaaaaaaa abc12345 abc123456 abcd1234 abcdefgh abcdefghi access14 adgjmptw admin123 admin1234 administrator
alexander asdasdasd asdf1234 asdfasdf asdfghjk asdfghjkl babygirl baseball baseball1 basketball blink182
business butterfly changeme changeme123 charlie1 chocolate christmas computer computer1 corvette cowboys1
creative danielle december dragon12 einstein elephant emmanuel football football1 forever1 fortnite franklin
garfield goodluck google123 greenday hannah123 hardcore harry123 hello123 helloworld iloveyou iloveyou1
iloveyou2 internet jennifer jessica1 jonathan jordan23 kawasaki kimberly letmein1 letmein123 letmein12 liverpool
liverpool1 lovelove loveyou1 macintosh marlboro maverick mercedes metallica michael1 michelle midnight minecraft
monkey12 monkey123 mustang1 nicholas november p4ssw0rd p4ssword pa55word pa$$w0rd pass1234 passpass passw0rd
passw0rd1 password password! password0 password01 password1 password1! password12 password123 password1234
password2 password3 patricia platinum playstation pokemon1 princess princess1 q1w2e3r4 q1w2e3r4t5 qazwsxedc
qazxswedc qwer1234 qwerqwer qwerty12 qwerty123 qwerty1234 qwerty12345 qwertyui qwertyuiop qwertz123 rush2112
samantha samsung1 scarface security september shadow12 skywalker slipknot snickers snowball spiderman srinivas
starwars starwars1 steelers sunflower sunshine sunshine1 superman superman1 superstar swordfish temp1234
test1234 testtest trustno1 trustno1! undertaker victoria warcraft welcome1 welcome123 whatever william1 wordpass
zaq12wsx zaq1zaq1 zxcvbnm1 zxcvbnm123 zxcvbnm, zzzzzzzz
"""

COMMON_PASSWORDS = frozenset(_LIST.split())
"""In lower case, to be compared with a password folded by `str.casefold`."""
