
/home/test" author=andeya&X-Real-IP=10.1.2.3(s2hello world^¶;»àîĞ“Ë"»ZÍÃ:m