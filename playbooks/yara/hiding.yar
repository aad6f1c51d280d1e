// Libraries that change what others see.

rule library_that_hides_files_or_processes
{
    meta:
        description = "A library that stands before the functions which list files and processes"
        level = "high"
        attack = "T1574.006"
    strings:
        $elf = { 7f 45 4c 46 }
        $list1 = "readdir64" ascii fullword
        $list2 = "readdir" ascii fullword
        $next = "dlsym" ascii fullword
        $see1 = "/proc/self/fd/%d" ascii
        $see2 = "/proc/%s/" ascii
        $see3 = "ld.so.preload" ascii
        $see4 = "/proc/net/tcp" ascii
    condition:
        $elf at 0 and uint16(16) == 3 and filesize < 1MB and 1 of ($list*) and $next and 2 of ($see*)
}

rule takes_passwords_from_logins
{
    meta:
        description = "A module or program that writes down what users type when they log in"
        level = "high"
        attack = "T1556.003"
    strings:
        $elf = { 7f 45 4c 46 }
        $pam1 = "pam_sm_authenticate" ascii fullword
        $pam2 = "pam_get_authtok" ascii
        $pam3 = "pam_get_user" ascii fullword
        $write1 = /%s[:| ]+%s\n/ ascii
        $write2 = "fopen" ascii fullword
        $where = /\/(tmp|var\/tmp|dev\/shm|usr\/(include|share|lib)|var\/log)\/[a-z0-9_.\/-]{2,40}/ ascii
    condition:
        $elf at 0 and (uint16(16) == 2 or uint16(16) == 3) and filesize < 1MB and 2 of ($pam*) and all of ($write*) and $where
}
