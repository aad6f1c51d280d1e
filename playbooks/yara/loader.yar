// Programs that bring other programs and start them unseen.

rule runs_a_program_from_memory
{
    meta:
        description = "A program that makes a file in memory alone and runs it"
        level = "medium"
        attack = "T1620"
    strings:
        $elf = { 7f 45 4c 46 }
        $make = "memfd_create" ascii fullword
        $run1 = "fexecve" ascii fullword
        $run2 = "execveat" ascii fullword
        $run3 = "/proc/self/fd/%" ascii
        $run4 = /\/proc\/%[dui]+\/fd\/%/ ascii
        $fetch1 = "http://" ascii
        $fetch2 = "GET /" ascii
        $fetch3 = "curl_easy_perform" ascii
        $fetch4 = "inet_pton" ascii fullword
    condition:
        $elf at 0 and (uint16(16) == 2 or uint16(16) == 3) and filesize < 4MB and $make and 1 of ($run*) and 1 of ($fetch*)
}

rule script_that_clears_the_field
{
    meta:
        description = "A script that ends competitors, fetches a program and makes it start again"
        level = "high"
        attack = "T1496.001"
    strings:
        $end1 = /pkill -f [a-z0-9_.\/-]{4,}/ ascii
        $end2 = "xargs kill" ascii
        $end3 = /killall (-9 )?[a-z0-9_.-]{4,}/ ascii
        $fetch = /(curl|wget)[^\n]{1,80}https?:\/\// ascii
        $run = "chmod" ascii
        $stay1 = "crontab" ascii
        $stay2 = "/etc/cron" ascii
        $stay3 = "systemctl enable" ascii
        $stay4 = "authorized_keys" ascii
        $quiet1 = "chattr" ascii
        $quiet2 = "history -c" ascii
        $quiet3 = "/dev/null 2>&1" ascii
    condition:
        (#end1 + #end2 + #end3) > 4 and $fetch and $run and 1 of ($stay*) and 1 of ($quiet*) and filesize < 1MB
}
