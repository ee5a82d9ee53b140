using System.Text;
using Metering.Core.Policies;

namespace Metering.Cli.Policies;

/// <summary>A file of policies as operators keep it (docs/policies.md).</summary>
/// <param name="Policies">In the file's order; each obeys <see cref="PolicyRules"/>. When they were applied is not in the file.</param>
/// <param name="Warnings">What was taken but should be looked at; each names file, line and policy.</param>
internal sealed record PolicyFile(IReadOnlyList<Policy> Policies, IReadOnlyList<string> Warnings)
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a file.</summary>
    /// <exception cref="PolicyFileException">It cannot be taken; the message lists every error with file, line, policy, field and fix.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static PolicyFile Load(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
            throw new PolicyFileException([$"{path}: there is no such file"]);
        if (file.Length > 4L * YamlTree.MaxLength)
            throw new PolicyFileException([$"{path}: has {file.Length} bytes; at most {YamlTree.MaxLength} characters are read"]);
        return Parse(path, File.ReadAllBytes(path));
    }

    /// <inheritdoc cref="Load"/>
    /// <param name="fileName">For messages.</param>
    /// <param name="utf8Yaml">The file's content.</param>
    public static PolicyFile Parse(string fileName, ReadOnlySpan<byte> utf8Yaml)
    {
        try
        {
            var root = YamlTree.Read(StrictUtf8.GetString(utf8Yaml));
            return new PolicyFileReader(fileName).Read(root);
        }
        catch (DecoderFallbackException)
        {
            throw new PolicyFileException([$"{fileName}: is no text in UTF-8"]);
        }
        catch (YamlTreeException error)
        {
            throw new PolicyFileException([$"{fileName}: {error.Message}"]);
        }
    }
}

/// <summary>A file of policies that cannot be taken. Nothing of it is in force.</summary>
/// <param name="errors">One sentence an error.</param>
internal sealed class PolicyFileException(IReadOnlyList<string> errors) : Exception(string.Join(Environment.NewLine, errors))
{
    public IReadOnlyList<string> Errors { get; } = errors;
}
