namespace Metering.LocalBroker.Topics;

/// <summary>Kafka's rules for a topic's name, which is a folder's name too.</summary>
internal static class TopicName
{
    private const int MostCharacters = 249;

    /// <returns>What is wrong with it; null when nothing is.</returns>
    public static string? Problem(string name)
    {
        if (name.Length == 0)
            return "Topic name is invalid: the empty string is not allowed";
        if (name is "." or "..")
            return "Topic name is invalid: '.' or '..' is not allowed";
        if (name.Length > MostCharacters)
            return $"Topic name is invalid: the length of '{name}' is longer than the max allowed length {MostCharacters}";
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '_' or '-'))
                return $"Topic name is invalid: '{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
        }
        return null;
    }

    /// <summary>Kafka names metrics with '_' for '.': two names that differ only so may not both exist.</summary>
    public static bool Collide(string a, string b) =>
        a.Length == b.Length && a != b && string.Equals(a.Replace('.', '_'), b.Replace('.', '_'), StringComparison.Ordinal);
}
