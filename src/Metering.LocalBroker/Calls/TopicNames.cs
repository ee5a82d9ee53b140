namespace Metering.LocalBroker.Calls;

/// <summary>What Kafka takes as a topic's name.</summary>
internal static class TopicNames
{
    private const int MaxLength = 249;

    public static bool IsValid(string name)
    {
        if (name.Length is 0 or > MaxLength || name is "." or "..")
            return false;
        foreach (var letter in name)
        {
            if (!char.IsAsciiLetterOrDigit(letter) && letter is not ('.' or '_' or '-'))
                return false;
        }
        return true;
    }
}
