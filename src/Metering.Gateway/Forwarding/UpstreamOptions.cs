using System.Text;
using System.Text.RegularExpressions;

namespace Metering.Gateway.Forwarding;

/// <summary>A model host that speaks OpenAI's API.</summary>
public sealed partial record UpstreamOptions
{
    /// <summary>The member that carries a maximum which the client did not give. Old hosts know only <c>max_tokens</c>.</summary>
    public const string DefaultMaxTokensName = "max_completion_tokens";

    /// <summary>The provider in events, and what a client may put before a model: <c>NAME/model</c>. Letters, digits, '.', '_' and '-', 100 at most.</summary>
    public required string Name { get; init; }

    /// <summary>http or https, with or without <c>/v1</c>.</summary>
    public required Uri Url { get; init; }

    /// <summary>Sent as <c>Authorization: Bearer</c>; null = none. Never printed.</summary>
    public string? Secret { get; init; }

    /// <summary>Default <see cref="DefaultMaxTokensName"/>.</summary>
    public string MaxTokensName { get; init; } = DefaultMaxTokensName;

    /// <summary>The host never produces more than it is told (R28). Default true; false: under a hard limit it is always
    /// streamed from, so that it can be cut.</summary>
    public bool HonoursMaxTokens { get; init; } = true;

    /// <summary>With <c>/v1</c> and without a slash at its end.</summary>
    internal string Base
    {
        get
        {
            var text = Url.AbsoluteUri.TrimEnd('/');
            return text.EndsWith("/v1", StringComparison.Ordinal) ? text : text + "/v1";
        }
    }

    /// <summary>A secret as it stands in a file: without the line break that editors put behind it.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string ReadSecret(string file) => File.ReadAllText(file).TrimEnd('\r', '\n');

    internal void Validate(List<string> errors)
    {
        if (!NamePattern().IsMatch(Name))
            errors.Add($"upstream name \"{Name}\" is not usable: 1 to 100 letters, digits, '.', '_' and '-'.");
        if (!Url.IsAbsoluteUri || Url.Scheme is not ("http" or "https") || Url.UserInfo.Length > 0 || Url.Query.Length > 0)
            errors.Add($"upstream {Name} is not an http or https URL without user and query.");
        // Printing it would not help anybody: the length does.
        if (Secret is { } secret && (secret.Length == 0 || !secret.All(static c => c is > ' ' and <= '~')))
            errors.Add(FormattableString.Invariant($"the secret of upstream {Name} ({secret.Length} characters) is not one line of printable ASCII without spaces."));
        if (MaxTokensName is not (DefaultMaxTokensName or "max_tokens"))
            errors.Add($"MaxTokensName {MaxTokensName} of upstream {Name} does not exist: {DefaultMaxTokensName} or max_tokens.");
    }

    /// <summary>Without the secret.</summary>
    private bool PrintMembers(StringBuilder text)
    {
        text.Append("Name = ").Append(Name).Append(", Url = ").Append(Url);
        return true;
    }

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,100}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamePattern();
}
