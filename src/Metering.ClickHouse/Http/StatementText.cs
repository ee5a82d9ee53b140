using System.Text.RegularExpressions;

namespace Metering.ClickHouse.Http;

/// <summary>
/// What must be known of a statement before it is run: whether data follow it, in which format, and which format its
/// result is in. Not a parser: it walks over quotes, comments and brackets to the words that matter.
/// </summary>
internal static partial class StatementText
{
    private const int MatchMs = 1000; // a hostile text costs a second at most

    /// <summary>True for an INSERT whose rows come as data: not one from SELECT, nor one with its VALUES in the text.</summary>
    /// <param name="sql">The statement, or its beginning when data may follow.</param>
    /// <param name="text">The INSERT without FORMAT.</param>
    /// <param name="format">The data's format.</param>
    /// <param name="dataAt">Where in <paramref name="sql"/> the data begin; its length when there are none.</param>
    public static bool IsInsertWithData(string sql, out string text, out string format, out int dataAt)
    {
        (text, format, dataAt) = ("", "", 0);
        if (!Insert().IsMatch(sql))
            return false;
        for (var at = 0; at < sql.Length; at = Next(sql, at))
        {
            if (IsWord(sql, at, "SELECT") || IsWord(sql, at, "WITH"))
                return false;
            if (IsWord(sql, at, "FORMAT") && Format().Match(sql, at) is { Success: true } found && found.Index == at)
            {
                (text, format) = (sql[..at], found.Groups["name"].Value);
                dataAt = found.Index + found.Length;
                return true;
            }
            if (!IsWord(sql, at, "VALUES"))
                continue;
            (text, format, dataAt) = (sql[..at], "Values", at + "VALUES".Length);
            return true;
        }
        (text, format, dataAt) = (sql, "Values", sql.Length);
        return true;
    }

    /// <summary>The format that a statement names for its result at its end, or null.</summary>
    public static string? ResultFormat(string sql) => TrailingFormat().Match(sql) is { Success: true } found ? found.Groups["name"].Value : null;

    private static bool IsWord(string sql, int at, string word) =>
        string.Compare(sql, at, word, 0, word.Length, StringComparison.OrdinalIgnoreCase) == 0
        && (at == 0 || !IsNamePart(sql[at - 1]))
        && (at + word.Length == sql.Length || !IsNamePart(sql[at + word.Length]));

    private static bool IsNamePart(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.';

    /// <summary>The position behind the quoted text, comment, bracket or character at <paramref name="at"/>.</summary>
    private static int Next(string sql, int at)
    {
        switch (sql[at])
        {
            case '\'' or '"' or '`':
                return Behind(sql, at + 1, sql[at]);
            case '(':
                return BehindBracket(sql, at);
            case '-' when at + 1 < sql.Length && sql[at + 1] == '-':
                return EndOr(sql, sql.IndexOf('\n', at));
            case '/' when at + 1 < sql.Length && sql[at + 1] == '*':
                var end = sql.IndexOf("*/", at + 2, StringComparison.Ordinal);
                return end < 0 ? sql.Length : end + 2;
            default:
                return at + 1;
        }
    }

    private static int EndOr(string sql, int at) => at < 0 ? sql.Length : at + 1;

    private static int Behind(string sql, int at, char quote)
    {
        for (; at < sql.Length; at++)
        {
            if (sql[at] == '\\')
                at++;
            else if (sql[at] == quote)
                return at + 1;
        }
        return sql.Length;
    }

    private static int BehindBracket(string sql, int at)
    {
        var depth = 0;
        while (at < sql.Length)
        {
            depth += sql[at] == '(' ? 1 : sql[at] == ')' ? -1 : 0;
            at = sql[at] == '(' ? at + 1 : Next(sql, at);
            if (depth == 0)
                return at;
        }
        return sql.Length;
    }

    [GeneratedRegex(@"^\s*(--[^\n]*\n\s*|/\*.*?\*/\s*)*INSERT\s", RegexOptions.IgnoreCase | RegexOptions.Singleline | RegexOptions.ExplicitCapture, MatchMs)]
    private static partial Regex Insert();

    // Data begin behind one line end, or behind the blanks after the name.
    [GeneratedRegex(@"\GFORMAT\s+(?<name>[A-Za-z][A-Za-z0-9]*)[ \t]*;?[ \t]*(\r?\n)?", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, MatchMs)]
    private static partial Regex Format();

    [GeneratedRegex(@"\bFORMAT\s+(?<name>[A-Za-z][A-Za-z0-9]*)\s*;?\s*(SETTINGS\s[^;]*)?$", RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture, MatchMs)]
    private static partial Regex TrailingFormat();
}
